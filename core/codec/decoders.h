// One algorithm each; the block is without padding and not empty, `out` is not empty.
#pragma once

#include "core/base/error.h"

#include <cstddef>
#include <span>

namespace coldscope::codec {

[[nodiscard]] Result<void> decode_lz4(std::span<const std::byte> in, std::span<std::byte> out,
                                      bool partial);
[[nodiscard]] Result<void> decode_lzma(std::span<const std::byte> in, std::span<std::byte> out,
                                       bool partial);
[[nodiscard]] Result<void> decode_deflate(std::span<const std::byte> in, std::span<std::byte> out,
                                          bool partial);
[[nodiscard]] Result<void> decode_zstd(std::span<const std::byte> in, std::span<std::byte> out,
                                       bool partial);
[[nodiscard]] Result<void> decode_wrapped_deflate(std::span<const std::byte> in,
                                                  std::span<std::byte> out);

} // namespace coldscope::codec
