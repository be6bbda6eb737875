#include "core/compare/meter.h"

namespace coldscope::compare {

namespace {

constexpr std::uint64_t paths_in_step = 1; // one can have a long map
constexpr std::uint64_t bytes_in_step = 1024 * 1024;

} // namespace

Result<void> Meter::begin(Phase phase, std::uint64_t total) {
    progress_ = {phase, 0, total};
    told_ = 0;
    step_ = phase == Phase::paths ? paths_in_step : bytes_in_step;
    return tell();
}

Result<void> Meter::advance(std::uint64_t count) {
    progress_.done += count;
    if (progress_.done - told_ < step_)
        return {};
    told_ = progress_.done;
    return tell();
}

Result<void> Meter::tell() {
    if (report_ && !report_(progress_))
        return failure(Code::cancelled, "the comparison was given up");
    return {};
}

} // namespace coldscope::compare
