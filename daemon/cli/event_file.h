// What a run tells in a file beside its output: every event as --json prints it. Writing never
// waits: a file that can't be written ends the log, which is said once, and the run goes on.
#pragma once

#include "daemon/cli/output.h"
#include "daemon/cli/run_report.h"

#include <memory>
#include <string>

namespace coldscope::cli {

class EventFile {
public:
    // Made or emptied.
    [[nodiscard]] static Result<std::unique_ptr<EventFile>> open(const std::string& path);
    EventFile(const EventFile&) = delete;
    EventFile& operator=(const EventFile&) = delete;
    ~EventFile() = default; // writes what can be written at once

    // what: a call of the RunReport.
    template <typename What>
    void tell(const What& what) {
        if (!stopped_)
            what(report_);
    }
    // Writes what can be written at once.
    void flush();
    // Writes the rest; it may wait for the disk. False when events are missing in the file.
    bool finish();

private:
    static constexpr std::size_t most_waiting = 16u << 20; // bytes, for a pipe that is not read

    struct Descriptor { // outlives the output
        int fd;
        ~Descriptor();
    };

    EventFile(int fd, std::string path);
    void stop(const std::string& why);

    Descriptor descriptor_;
    std::string path_;
    Output output_;
    RunReport report_;
    bool stopped_ = false;
};

} // namespace coldscope::cli
