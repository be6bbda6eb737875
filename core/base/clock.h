// CLOCK_MONOTONIC in nanoseconds: the time base of every step of a request.
#pragma once

#include <cstdint>
#include <ctime>

namespace coldscope {

using Nanoseconds = std::uint64_t;

inline constexpr Nanoseconds microsecond = 1000;
inline constexpr Nanoseconds millisecond = 1000 * microsecond;
inline constexpr Nanoseconds second = 1000 * millisecond;

[[nodiscard]] inline Nanoseconds monotonic_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<Nanoseconds>(now.tv_sec) * second + static_cast<Nanoseconds>(now.tv_nsec);
}

} // namespace coldscope
