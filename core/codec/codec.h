// Decoders for the blocks that EROFS and RAFS store encoded. Each call decodes one block by itself.
// Sources: Linux fs/erofs/decompressor*.c for what a block may look like.
#pragma once

#include "core/base/error.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace coldscope::codec {

// The numbers are EROFS's.
enum class Algorithm : std::uint8_t {
    lz4,     // a raw block
    lzma,    // MicroLZMA
    deflate, // raw, without a wrapper
    zstd,    // one frame
};
inline constexpr unsigned algorithm_count = 4;

// What fills a block up to whole file system blocks.
enum class Padding : std::uint8_t {
    none,
    leading,  // zeros in front, as EROFS has it
    trailing, // anything behind: EROFS's LZ4 before its 0-padding feature
};

struct DecodeOptions {
    Padding padding = Padding::leading;
    bool partial = false; // the block may hold more than is wanted
};

// The largest LZMA dictionary and ZSTD window that are decoded; bytes.
inline constexpr std::size_t max_window = std::size_t{8} << 20;
// The most that is decoded in one call; bytes.
inline constexpr std::size_t max_decoded = std::size_t{256} << 20;

// Fills `out` whole with the block's first bytes, or fails; what is in `out` then is undefined.
// Unless partial, the block must end there. Errors: corrupt, invalid (out is above max_decoded),
// io (no memory). An empty `out` is filled by anything.
// Threads may call it at once; each keeps a decoder of an algorithm that it has used.
[[nodiscard]] Result<void> decode(Algorithm algorithm, std::span<const std::byte> in,
                                  std::span<std::byte> out, const DecodeOptions& options = {});

// How many bytes of a block, without its padding, encoders spend on its first `decoded` ones at
// most. Other blocks may decode as well, but not from so few.
[[nodiscard]] std::size_t enough_for(Algorithm algorithm, std::size_t decoded);

// DEFLATE in a gzip or zlib wrapper, whose check sum is verified; otherwise as decode().
[[nodiscard]] Result<void> decode_gzip(std::span<const std::byte> in, std::span<std::byte> out);

[[nodiscard]] const char* name(Algorithm algorithm);

} // namespace coldscope::codec
