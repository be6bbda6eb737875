// Arithmetic on untrusted numbers: no wrap-around goes unseen.
#pragma once

#include <concepts>
#include <optional>

namespace coldscope {

template <std::unsigned_integral T>
[[nodiscard]] constexpr std::optional<T> checked_add(T a, T b) {
    T sum;
    if (__builtin_add_overflow(a, b, &sum))
        return std::nullopt;
    return sum;
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr std::optional<T> checked_mul(T a, T b) {
    T product;
    if (__builtin_mul_overflow(a, b, &product))
        return std::nullopt;
    return product;
}

// align: a power of two.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T align_down(T value, T align) {
    return static_cast<T>(value & ~static_cast<T>(align - 1));
}

// align: a power of two; value + align - 1 must not overflow.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T align_up(T value, T align) {
    return align_down(static_cast<T>(value + align - 1), align);
}

} // namespace coldscope
