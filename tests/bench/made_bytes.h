// Bytes that say where they belong: each word of a file is made from its offset.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace coldscope::bench {

inline std::uint64_t made_word(std::uint64_t offset) {
    return (offset + 1) * 0x9E37'79B9'7F4A'7C15u;
}

inline std::uint64_t made_word_at(std::span<const char> bytes, std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    return word;
}

} // namespace coldscope::bench
