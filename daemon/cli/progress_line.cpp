#include "daemon/cli/progress_line.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace coldscope::cli {

ProgressLine::ProgressLine() : shown_(isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
    if (told_)
        fmt::print(stderr, "\r\x1b[K");
}

void ProgressLine::tell(std::string_view what, std::uint64_t done, std::uint64_t total) {
    const std::uint64_t percent =
        total == 0 ? 0
                   : std::min<std::uint64_t>(
                         99, static_cast<std::uint64_t>(static_cast<double>(done) * 100 /
                                                        static_cast<double>(total)));
    if (!shown_ || (told_ && percent == percent_ && what == what_))
        return;
    fmt::print(stderr, "\r\x1b[K{} {} %", what, percent);
    std::fflush(stderr);
    told_ = true;
    percent_ = percent;
    what_ = what;
}

} // namespace coldscope::cli
