// Latencies by the million in bounded memory: counted in bins that are 1/128 of their value wide.
#pragma once

#include "core/base/clock.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace coldscope {

class Latencies {
public:
    void add(Nanoseconds time) {
        ++bins_[bin_of(time)];
        ++count_;
        max_ = std::max(max_, time);
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] Nanoseconds max() const { return max_; } // exact

    // The least that `percent` of a hundred do not exceed: exact below 256 ns, to 1 % above.
    // 0 without any. O(bins).
    [[nodiscard]] Nanoseconds percentile(std::uint64_t percent) const {
        const std::uint64_t wanted = (count_ * percent + 99) / 100;
        std::uint64_t seen = 0;
        for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
            seen += bins_[bin];
            if (seen != 0 && seen >= wanted)
                return std::min(greatest_in(bin), max_);
        }
        return 0;
    }

private:
    // Values below 2^(bits + 1) have a bin each; each further power of two has 2^bits of them.
    static constexpr unsigned bits = 7;
    static constexpr std::size_t in_octave = std::size_t{1} << bits;

    [[nodiscard]] static std::size_t bin_of(Nanoseconds time) {
        const auto width = static_cast<unsigned>(std::bit_width(time));
        const unsigned shift = width > bits + 1 ? width - (bits + 1) : 0;
        return shift * in_octave + static_cast<std::size_t>(time >> shift);
    }
    [[nodiscard]] static Nanoseconds greatest_in(std::size_t bin) {
        if (bin < 2 * in_octave)
            return bin;
        const std::size_t shift = bin / in_octave - 1;
        return ((static_cast<Nanoseconds>(bin - shift * in_octave) + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (64 - bits) * in_octave + in_octave> bins_{};
    std::uint64_t count_ = 0;
    Nanoseconds max_ = 0;
};

} // namespace coldscope
