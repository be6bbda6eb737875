// What brought each byte of an object, and whether it was ever asked for. Memory grows with the
// number of separate ranges; a call is O(log ranges) and what it merges.
#pragma once

#include "core/base/range_set.h"

#include <array>
#include <cstdint>

namespace coldscope {

// What was local before is none of these.
enum class Origin : std::uint8_t {
    miss,      // a reader needed it, in whole granules of the cache
    amplified, // it lay around what a reader needed
    prefetch,  // it was fetched ahead
};
inline constexpr std::size_t origin_count = 3;

class Origins {
public:
    // Bytes came; brought again, they are the last one's.
    void brought(Range range, Origin origin);
    // A reader asked for them, whether they are there or not.
    void asked(Range range);

    [[nodiscard]] const RangeSet& by(Origin origin) const {
        return by_[static_cast<std::size_t>(origin)];
    }
    // Brought, and never asked for.
    [[nodiscard]] const RangeSet& unused() const { return unused_; }

private:
    std::array<RangeSet, origin_count> by_; // disjoint
    RangeSet asked_;
    RangeSet unused_;
};

} // namespace coldscope
