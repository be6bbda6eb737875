// Sorting by 64-bit keys in linear time: least significant digit first, digits in which all keys
// agree are skipped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace coldscope::erofs {

// key_of(const T&) -> std::uint64_t. Stable.
template <typename T, typename KeyOf>
void radix_sort(std::vector<T>& items, KeyOf key_of) {
    constexpr unsigned digit_bits = 11;
    constexpr std::size_t buckets = std::size_t{1} << digit_bits;
    std::uint64_t all_and = ~std::uint64_t{0};
    std::uint64_t all_or = 0;
    for (const T& item : items) {
        const std::uint64_t key = key_of(item);
        all_and &= key;
        all_or |= key;
    }
    const std::uint64_t differing = all_and ^ all_or;
    std::vector<T> other;
    for (unsigned shift = 0; shift < 64 && (differing >> shift) != 0;) {
        if (((differing >> shift) & 1) == 0) {
            ++shift;
            continue;
        }
        if (other.empty())
            other.resize(items.size());
        std::array<std::size_t, buckets> starts{};
        for (const T& item : items)
            ++starts[(key_of(item) >> shift) & (buckets - 1)];
        std::size_t sum = 0;
        for (std::size_t& start : starts)
            sum += std::exchange(start, sum);
        for (const T& item : items)
            other[starts[(key_of(item) >> shift) & (buckets - 1)]++] = item;
        items.swap(other);
        shift += digit_bits;
    }
}

} // namespace coldscope::erofs
