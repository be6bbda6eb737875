// Time to pixel columns and back, exact for any 64-bit time.
#pragma once

#include "core/base/clock.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace coldscope {

// A window [begin, end) of time on columns 0..width-1, in device pixels.
class TimeAxis {
public:
    static constexpr std::uint32_t most_columns = 1U << 20;

    // An empty or reversed window becomes 1 ns; the width is kept to 1..most_columns.
    TimeAxis(Nanoseconds begin, Nanoseconds end, std::uint32_t width)
        : begin_(begin == std::numeric_limits<Nanoseconds>::max() ? begin - 1 : begin),
          end_(std::max(end, begin_ + 1)), width_(std::clamp(width, 1U, most_columns)),
          whole_((end_ - begin_) / width_), rest_((end_ - begin_) % width_),
          scale_(static_cast<double>(width_) / static_cast<double>(end_ - begin_)) {}

    [[nodiscard]] Nanoseconds begin() const { return begin_; }
    [[nodiscard]] Nanoseconds end() const { return end_; }
    [[nodiscard]] std::uint32_t width() const { return width_; }

    // The first ns of column x, rounded up to a whole one; x <= width. Column x covers
    // [time_at(x), time_at(x + 1)), which holds nothing where columns are narrower than 1 ns.
    [[nodiscard]] Nanoseconds time_at(std::uint32_t x) const {
        return begin_ + whole_ * x + (rest_ * x + width_ - 1) / width_;
    }

    // The column of a time in the window: the greatest x with x <= (time - begin) * width / span.
    // Times outside give the first or the last column.
    [[nodiscard]] std::uint32_t column_of(Nanoseconds time) const {
        if (time <= begin_)
            return 0;
        if (time >= end_)
            return width_ - 1;
        const double guess = static_cast<double>(time - begin_) * scale_;
        auto x = std::min(static_cast<std::uint32_t>(guess), width_ - 1);
        while (x > 0 && time_at(x) > time)
            --x;
        while (x + 1 < width_ && time_at(x + 1) <= time)
            ++x;
        return x;
    }

private:
    Nanoseconds begin_;
    Nanoseconds end_;
    std::uint32_t width_;
    std::uint64_t whole_; // ns in a column, and what is left of the window
    std::uint64_t rest_;
    double scale_;
};

} // namespace coldscope
