// What the timeline looks at: whole nanoseconds for each column of device pixels, so that times and
// columns turn into each other exactly, and a pan by columns changes nothing in what was folded.
#pragma once

#include "core/request/time_axis.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace coldscope::app {

// Device pixels, at least one, of a length in logical ones.
inline int device(double logical, double ratio) {
    return std::max(1, static_cast<int>(std::lround(logical * ratio)));
}

// A span of time, [begin, end), CLOCK_MONOTONIC ns.
struct TimeLimits {
    Nanoseconds begin = 0;
    Nanoseconds end = 0;
    [[nodiscard]] Nanoseconds length() const { return end > begin ? end - begin : 0; }
};

struct TimeScale {
    static constexpr Nanoseconds least_window = microsecond;

    Nanoseconds begin = 0;
    Nanoseconds step = 1;    // ns in a column; > 0
    std::uint32_t width = 1; // columns; 1..TimeAxis::most_columns

    bool operator==(const TimeScale&) const = default;

    [[nodiscard]] Nanoseconds span() const { return step * width; }
    [[nodiscard]] Nanoseconds end() const { return begin + span(); }
    // The first ns of a column, which may lie outside of the window. Never below 0.
    [[nodiscard]] Nanoseconds time_at(std::int64_t column) const {
        const auto distance = static_cast<Nanoseconds>(column < 0 ? -column : column) * step;
        if (column < 0)
            return begin - std::min(begin, distance);
        return begin + distance;
    }
    // The column of a time, which may lie outside of the window.
    [[nodiscard]] std::int64_t column_of(Nanoseconds time) const {
        if (time >= begin)
            return static_cast<std::int64_t>((time - begin) / step);
        return -static_cast<std::int64_t>((begin - time + step - 1) / step);
    }
    [[nodiscard]] TimeAxis axis() const { return {begin, end(), width}; }
};

// The least and the greatest step for these limits.
[[nodiscard]] inline Nanoseconds least_step(std::uint32_t width) {
    return (TimeScale::least_window + width - 1) / width;
}
[[nodiscard]] inline Nanoseconds greatest_step(const TimeLimits& limits, std::uint32_t width) {
    return std::max(least_step(width), (limits.length() + width - 1) / width);
}

// Within the limits: what is wider is centred.
[[nodiscard]] inline TimeScale kept_within(TimeScale scale, const TimeLimits& limits) {
    scale.step =
        std::clamp(scale.step, least_step(scale.width), greatest_step(limits, scale.width));
    const Nanoseconds span = scale.span();
    if (span >= limits.length()) {
        const Nanoseconds more = (span - limits.length()) / 2;
        scale.begin = limits.begin - std::min(limits.begin, more);
    } else {
        scale.begin = std::clamp(scale.begin, limits.begin, limits.end - span);
    }
    return scale;
}

// The least scale that shows all of [begin, end).
[[nodiscard]] inline TimeScale fitted(Nanoseconds begin, Nanoseconds end, std::uint32_t width) {
    TimeScale scale;
    scale.width = std::clamp(width, 1U, TimeAxis::most_columns);
    const Nanoseconds length = std::max(end, begin + 1) - begin;
    scale.step = std::max(least_step(scale.width), (length + scale.width - 1) / scale.width);
    scale.begin = begin - std::min(begin, (scale.span() - length) / 2);
    return scale;
}

// `factor` times as much time in the window (below 1: closer), with the time at a column kept where
// it is. Steps are whole, so a small factor may change nothing; see ZoomGesture.
[[nodiscard]] inline TimeScale zoomed(const TimeScale& scale, double factor, std::int64_t column) {
    TimeScale result = scale;
    const double wanted = std::clamp(static_cast<double>(scale.step) * factor, 1.0, 1e15);
    result.step = static_cast<Nanoseconds>(std::llround(wanted));
    const Nanoseconds fixed = scale.time_at(column);
    const auto before = static_cast<Nanoseconds>(std::max<std::int64_t>(column, 0)) * result.step;
    result.begin = fixed - std::min(fixed, before);
    return result;
}

[[nodiscard]] inline TimeScale panned(const TimeScale& scale, std::int64_t columns) {
    TimeScale result = scale;
    result.begin = scale.time_at(columns);
    return result;
}

// So that `now` is in the last column, by whole columns.
[[nodiscard]] inline TimeScale ending_at(const TimeScale& scale, Nanoseconds now) {
    return panned(scale, scale.column_of(now) - static_cast<std::int64_t>(scale.width) + 1);
}

// Turns many small factors into whole steps: what did not change the step yet is kept.
class ZoomGesture {
public:
    // The factor to zoom by now; 1 when not enough has come together.
    [[nodiscard]] double add(double factor, Nanoseconds step) {
        pending_ *= factor;
        const double whole = static_cast<double>(step);
        const double wanted = whole * pending_;
        if (std::abs(wanted - whole) < 0.5)
            return 1;
        const double rounded = std::max(1.0, std::round(wanted));
        pending_ = wanted / rounded;
        return rounded / whole;
    }

private:
    double pending_ = 1;
};

} // namespace coldscope::app
