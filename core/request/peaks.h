// A growing sequence of lengths of time, in which the next that reaches a given length is found
// without looking at those before it. One byte each: a quarter of an octave is all that is kept.
#pragma once

#include "core/base/clock.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace coldscope {

class Peaks {
public:
    // Never greater for the shorter of two lengths; equal for two less than a quarter apart.
    [[nodiscard]] static constexpr std::uint8_t key(Nanoseconds length) {
        if (length < 4)
            return static_cast<std::uint8_t>(length);
        const auto octave = static_cast<unsigned>(std::bit_width(length)) - 3;
        return static_cast<std::uint8_t>(4 * octave + (length >> octave));
    }

    [[nodiscard]] std::size_t size() const { return heights_[0].size; }

    // Amortised O(1).
    void push_back(Nanoseconds length) { append(0, key(length)); }

    // The first in [from, to) with such a key or a greater one; `to` when there is none. `to` is
    // size() at most. O(log size).
    [[nodiscard]] std::size_t next(std::size_t from, std::size_t to, std::uint8_t least) const {
        if (from >= to || least == 0)
            return std::min(from, to);
        std::size_t at = find(heights_[0], from, least);
        if (at == none)
            at = climb(from, least);
        return std::min(at, to);
    }
    // Those of [from, to), in order, until there is no room for nine more. Returns their count and
    // moves `from` behind what was looked at. Amortised O(1) where most are, O(log size) else.
    std::size_t next(std::size_t& from, std::size_t to, std::uint8_t least,
                     std::span<std::uint32_t> found) const {
        std::size_t count = 0;
        std::size_t at = from;
        while (at < to && count + 8 < found.size()) {
            std::uint64_t match = matches(word(heights_[0], at), least) & ~std::uint64_t{0}
                                                                              << (at % 8 * 8);
            if (match == 0) {
                at = next(at | 7, to, least);
                continue;
            }
            const auto first = static_cast<std::uint32_t>(at & ~std::size_t{7});
            // How many there are is hard to foretell: no branch.
            match >>= 7;
            for (unsigned i = 0; i < 8; ++i, match >>= 8) {
                found[count] = first + i;
                count += match & 1;
            }
            at = first + 8;
        }
        from = std::min(at, to);
        while (count > 0 && found[count - 1] >= to)
            --count;
        return count;
    }

private:
    static constexpr std::size_t fan = 64;
    static constexpr std::uint64_t ones = 0x0101010101010101;
    static constexpr std::size_t none = ~std::size_t{0};

    // The keys, or the greatest of each full group of the height below that has another behind it.
    struct Height {
        std::vector<std::uint8_t> keys; // filled up to a group with 0
        std::size_t size = 0;
        std::uint8_t greatest = 0; // of the last group
    };

    void append(std::size_t height, std::uint8_t key) {
        if (heights_[height].size % fan == 0)
            begin_group(height);
        Height& it = heights_[height];
        it.keys[it.size++] = key;
        it.greatest = std::max(it.greatest, key);
    }
    void begin_group(std::size_t height) {
        if (heights_[height].size > 0) {
            if (height + 1 == heights_.size())
                heights_.emplace_back();
            append(height + 1, heights_[height].greatest);
        }
        heights_[height].greatest = 0;
        heights_[height].keys.resize(heights_[height].size + fan);
    }

    // The eight keys around `at`, the first in the lowest bits.
    [[nodiscard]] static std::uint64_t word(const Height& height, std::size_t at) {
        std::uint64_t word = 0;
        std::memcpy(&word, height.keys.data() + (at & ~std::size_t{7}), sizeof word);
        return std::endian::native == std::endian::little ? word : std::byteswap(word);
    }
    // The highest bit of every byte that is `least` or more.
    [[nodiscard]] static std::uint64_t matches(std::uint64_t word, std::uint8_t least) {
        const std::uint64_t low = (word & ~(ones << 7)) + (0x80U - (least & 0x7fU)) * ones;
        return (least < 0x80 ? low | word : low & word) & ones << 7;
    }
    // In what is left of the group of `at`.
    [[nodiscard]] static std::size_t find(const Height& height, std::size_t at,
                                          std::uint8_t least) {
        const std::size_t last = (at | (fan - 1)) & ~std::size_t{7};
        std::uint64_t match = matches(word(height, at), least) & ~std::uint64_t{0} << (at % 8 * 8);
        at &= ~std::size_t{7};
        while (match == 0) {
            if (at == last)
                return none;
            at += 8;
            match = matches(word(height, at), least);
        }
        return at + static_cast<unsigned>(std::countr_zero(match)) / 8;
    }
    // Behind the group of `from`, in which there is none: up to where a group has one, and down.
    [[nodiscard]] std::size_t climb(std::size_t from, std::uint8_t least) const {
        std::size_t at = from;
        std::size_t found = none;
        std::size_t height = 0;
        while (found == none) {
            at = at / fan + 1;
            if (height + 1 == heights_.size() || at >= heights_[height + 1].size) {
                found = find_in_last(height, at * fan, least);
                break;
            }
            found = find(heights_[++height], at, least);
        }
        if (found == none)
            return none;
        for (; height > 0; --height)
            found = find(heights_[height - 1], found * fan, least);
        return found;
    }
    // In the last groups, of which nothing is known above: at a height from `at` on, then below.
    // Moves `height` to where it was found.
    [[nodiscard]] std::size_t find_in_last(std::size_t& height, std::size_t at,
                                           std::uint8_t least) const {
        while (true) {
            const std::size_t found =
                at < heights_[height].size ? find(heights_[height], at, least) : none;
            if (found != none || height == 0)
                return found;
            at = heights_[height--].size * fan;
        }
    }

    std::vector<Height> heights_ = std::vector<Height>(1);
};

} // namespace coldscope
