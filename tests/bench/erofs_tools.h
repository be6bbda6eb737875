// erofs-utils 1.9 beside what is measured: where its programs are, and how long one takes.
#pragma once

#include <string>
#include <vector>

namespace coldscope::bench {

// In COLDSCOPE_EROFS_UTILS, else the build's default folder, else PATH; empty without one.
[[nodiscard]] std::string erofs_tool(const std::string& name);

// Seconds from the start of a program to its end, its output in a file; negative when it failed.
[[nodiscard]] double time_command(const std::vector<std::string>& command,
                                  const char* output = "/dev/null");

[[nodiscard]] double median(std::vector<double> values);

// A folder of its own in the temporary directory, gone with this.
class ScratchFolder {
public:
    explicit ScratchFolder(const std::string& name);
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; } // empty: it can't be made

private:
    std::string path_;
};

} // namespace coldscope::bench
