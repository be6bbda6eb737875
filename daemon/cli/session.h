// A run of coldscoped, from its mount to its end: prints its events, takes commands from standard
// input and from a window that is attached, beats for it.
#pragma once

#include "daemon/cli/event_file.h"
#include "daemon/cli/output.h"
#include "daemon/cli/run_report.h"
#include "daemon/control/server.h"
#include "daemon/run/run.h"

#include <string>
#include <vector>

#include <sys/types.h>

namespace coldscope::cli {

struct SessionOptions {
    bool json = false;
    bool quiet = false;                   // no line for a request that does not wait for somebody
    std::vector<std::string> command;     // started in the mount; may be empty
    Nanoseconds hold_grace = 10 * second; // after the commands' end
};

// Signals come through a descriptor, so that they end the run in order. A stopped daemon would
// leave its readers waiting, so the terminal can't stop it either. Returns the descriptor.
[[nodiscard]] int block_signals();

class Session final : private attach::Served {
public:
    // signals: of block_signals(). events, server: may be null.
    Session(Run& run, const SessionOptions& options, int signals, EventFile* events,
            attach::Server* server);
    // The exit code.
    [[nodiscard]] int run();

private:
    [[nodiscard]] attach::Hello hello() const override;
    [[nodiscard]] const std::vector<std::vector<Range>>& local_at_start() const override {
        return run_.local_at_start();
    }
    [[nodiscard]] std::string object_name(ObjectId object) const override {
        return run_.object_name(object);
    }
    [[nodiscard]] const std::vector<RuleText>& rules() const override { return run_.rules(); }
    [[nodiscard]] std::uint64_t lost_events() const override { return run_.events().lost(); }
    [[nodiscard]] Result<std::uint32_t> steer(const std::string& line) override;
    [[nodiscard]] Result<void> read_file(const std::string& path) override;
    [[nodiscard]] Result<void> read_image(std::uint64_t offset, std::span<std::byte> into) override;

    // what: a call of a RunReport that returns false when nobody reads any more.
    template <typename What>
    void say(const What& what) {
        if (events_ != nullptr)
            events_->tell(what);
        reading_ = reading_ && what(report_);
    }
    void turn();
    // How many events there were.
    std::size_t drain();
    void tell(const StepRecord& record);
    void release_what_is_due();
    void take_signals();
    void take_input();
    void command(const std::string& line);
    void refuse(const std::string& line, const Error& error);
    void end_child();

    Run& run_;
    const SessionOptions& options_;
    int signals_;
    Output output_;
    RunReport report_;
    EventFile* events_;
    attach::Server* server_;
    Nanoseconds began_;
    std::vector<pollfd> polled_;
    bool gathering_ = false; // events come, and are taken together
    std::string input_;
    pid_t child_ = 0;
    int exit_code_ = 0;
    bool stopping_ = false;
    bool reading_ = true; // somebody still reads the output
    bool commands_open_ = true;
    bool commanded_ = false;
    Nanoseconds release_at_ = 0;
    std::uint64_t lost_seen_ = 0;
    std::uint64_t unsaid_ = 0; // events that a window got, and the output had no room for
    std::uint64_t unsaid_told_ = 0;
};

} // namespace coldscope::cli
