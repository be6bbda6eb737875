// The column of a time, as it is defined.
#pragma once

#include "core/request/time_axis.h"

#include <algorithm>
#include <cstdint>

namespace coldscope {

__extension__ using Wide = unsigned __int128;

inline std::uint32_t naive_column(const TimeAxis& axis, Nanoseconds time) {
    if (time >= axis.end())
        return axis.width() - 1;
    time = std::max(time, axis.begin());
    return static_cast<std::uint32_t>(Wide{time - axis.begin()} * axis.width() /
                                      (axis.end() - axis.begin()));
}

} // namespace coldscope
