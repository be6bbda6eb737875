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
          scale_(width_ < end_ - begin_
                     ? static_cast<std::uint64_t>((Wide{width_} << 64) / (end_ - begin_))
                     : 0) {}

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
        // scale_ is rounded down, so that the product may be too small by `since` or less. Where
        // that makes no difference its upper half is the column.
        const std::uint64_t since = time - begin_;
        const Wide product = Wide{since} * scale_;
        if (static_cast<std::uint64_t>(product) <= ~since && scale_ != 0)
            return static_cast<std::uint32_t>(product >> 64);
        return static_cast<std::uint32_t>(Wide{since} * width_ / (end_ - begin_));
    }

    // The longest time that lasts less than two columns, and one that is no longer than a column.
    [[nodiscard]] Nanoseconds below_two_columns() const {
        if (whole_ > std::numeric_limits<Nanoseconds>::max() / 2)
            return std::numeric_limits<Nanoseconds>::max();
        return 2 * whole_ + (rest_ == 0 ? 0 : (2 * rest_ - 1) / width_ + 1) - 1;
    }
    [[nodiscard]] Nanoseconds within_column() const { return whole_; }

private:
    __extension__ using Wide = unsigned __int128;

    Nanoseconds begin_;
    Nanoseconds end_;
    std::uint32_t width_;
    std::uint64_t whole_; // ns in a column, and what is left of the window
    std::uint64_t rest_;
    std::uint64_t scale_; // columns in a ns, times 2^64; 0 when it is 1 or more
};

} // namespace coldscope
