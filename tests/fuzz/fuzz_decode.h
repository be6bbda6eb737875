// What the decoders' targets share: the first bytes say how long the output is and how the block
// is padded, the rest is the block.
#pragma once

#include "core/base/cursor.h"
#include "core/codec/codec.h"

#include <cstdlib>
#include <vector>

namespace coldscope::fuzz {

constexpr std::size_t decode_header = 4; // bytes

// decode(in, out, options) is called with bytes that it may change.
template <typename Decode>
void decode_input(const std::uint8_t* data, std::size_t size, Decode decode) {
    if (size < decode_header)
        return;
    Cursor at(std::as_bytes(std::span(data, size)));
    const std::size_t length = at.u16() << (at.u8() % 5U); // to 1 MiB
    const std::uint8_t how = at.u8();
    const codec::DecodeOptions options{static_cast<codec::Padding>(how % 3U), (how & 0x80) != 0};
    std::vector<std::byte> out(length, std::byte{0xAA});
    const auto done = decode(at.bytes(at.left()), std::span(out), options);
    if (!done && done.error().code != Code::corrupt)
        std::abort();
}

} // namespace coldscope::fuzz
