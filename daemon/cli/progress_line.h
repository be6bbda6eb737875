// How far something has come: one line on a terminal's standard error, rewritten at each whole
// percent, and taken away at the end. Nothing where that is no terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coldscope::cli {

class ProgressLine {
public:
    ProgressLine();
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    ~ProgressLine();

    // One thread at a time.
    void tell(std::string_view what, std::uint64_t done, std::uint64_t total);

private:
    bool shown_;
    bool told_ = false;
    std::uint64_t percent_ = 0;
    std::string what_;
};

} // namespace coldscope::cli
