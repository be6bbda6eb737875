// Blocks as EROFS and RAFS store them, made by the libraries' own encoders.
#pragma once

#include "core/codec/codec.h"

#include <cstddef>
#include <span>
#include <vector>

namespace coldscope::test {

[[nodiscard]] std::vector<std::byte> encode(codec::Algorithm algorithm,
                                            std::span<const std::byte> bytes);
// In a gzip wrapper, or in zlib's.
[[nodiscard]] std::vector<std::byte> encode_gzip(std::span<const std::byte> bytes, bool zlib);

} // namespace coldscope::test
