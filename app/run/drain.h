// How a window takes the records of a run in: once a frame, for a part of it.
#pragma once

#include "core/base/clock.h"
#include "daemon/engine/event_queue.h"

namespace coldscope::app {

inline constexpr int frame_ms = 16;
inline constexpr Nanoseconds drain_budget = 6 * millisecond; // of a frame

// Takes records for as long as the budget lasts; true when there were any.
template <typename Take>
bool drain(EventQueue& queue, Nanoseconds budget, Take&& take) {
    constexpr std::size_t batch = 4096; // records between two looks at the clock
    const Nanoseconds end = monotonic_now() + budget;
    bool any = false;
    while (true) {
        const std::size_t taken = queue.drain(take, batch);
        any = any || taken != 0;
        if (taken < batch || monotonic_now() >= end)
            return any;
    }
}

} // namespace coldscope::app
