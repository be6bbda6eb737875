// A set of bytes, kept as disjoint half-open ranges.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

namespace coldscope {

struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0; // exclusive

    [[nodiscard]] std::uint64_t length() const { return end - begin; }
    // Both have a byte in common: an empty range overlaps nothing.
    [[nodiscard]] bool overlaps(const Range& other) const {
        return std::max(begin, other.begin) < std::min(end, other.end);
    }
    bool operator==(const Range&) const = default;
};

class RangeSet {
public:
    void add(Range range);
    void remove(Range range);
    [[nodiscard]] bool contains(Range range) const;
    // The parts of `range` that are not in the set, in order.
    [[nodiscard]] std::vector<Range> missing(Range range) const;
    // The parts of `range` that are in it, in order.
    [[nodiscard]] std::vector<Range> common(Range range) const;
    // The first that is missing; empty when there is none. O(log ranges).
    [[nodiscard]] Range first_missing(Range range) const;
    [[nodiscard]] std::uint64_t total() const { return total_; } // bytes
    [[nodiscard]] std::size_t count() const { return ranges_.size(); }
    [[nodiscard]] std::vector<Range> all() const;

private:
    std::map<std::uint64_t, std::uint64_t> ranges_; // begin → end, never touching each other
    std::uint64_t total_ = 0;
};

} // namespace coldscope
