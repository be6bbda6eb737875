// The one bounds-checked reader for untrusted little-endian bytes.
//
// A read past the end returns zeros and makes the cursor fail for good; callers read a whole
// structure, then ask once whether it was all there.
#pragma once

#include "core/base/error.h"

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace coldscope {

template <std::unsigned_integral T>
[[nodiscard]] inline T load_le(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    if constexpr (std::endian::native == std::endian::big)
        value = std::byteswap(value);
    return value;
}

class Cursor {
public:
    // base: the offset of bytes[0] in the file, for error messages.
    explicit Cursor(std::span<const std::byte> bytes, std::uint64_t base = 0)
        : bytes_(bytes), base_(base) {}

    template <std::unsigned_integral T>
    T get() {
        if (!take(sizeof(T)))
            return 0;
        return load_le<T>(bytes_.data() + at_ - sizeof(T));
    }
    std::uint8_t u8() { return get<std::uint8_t>(); }
    std::uint16_t u16() { return get<std::uint16_t>(); }
    std::uint32_t u32() { return get<std::uint32_t>(); }
    std::uint64_t u64() { return get<std::uint64_t>(); }

    // The next count bytes; empty when they are not all there.
    std::span<const std::byte> bytes(std::size_t count) {
        if (!take(count))
            return {};
        return bytes_.subspan(at_ - count, count);
    }
    void skip(std::size_t count) { take(count); }
    void seek(std::size_t at) {
        if (at > bytes_.size())
            failed_ = true;
        else
            at_ = at;
    }

    [[nodiscard]] bool ok() const { return !failed_; }
    [[nodiscard]] std::size_t at() const { return at_; }
    [[nodiscard]] std::uint64_t offset() const { return base_ + at_; }
    [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

    // The error to return when !ok().
    [[nodiscard]] std::unexpected<Error> error(std::string what) const {
        return failure(Code::truncated, std::move(what) + " ends early", base_ + at_);
    }

private:
    bool take(std::size_t count) {
        if (failed_ || count > bytes_.size() - at_) {
            failed_ = true;
            return false;
        }
        at_ += count;
        return true;
    }

    std::span<const std::byte> bytes_;
    std::uint64_t base_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

} // namespace coldscope
