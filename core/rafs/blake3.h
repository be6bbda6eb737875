// BLAKE3 with 32 bytes of output, unkeyed: the digest that Nydus takes unless told otherwise, and
// for which Debian 12 has no C library. Source: the BLAKE3 paper (O'Connor, Aumasson, Neves,
// Wilcox-O'Hearn), section 2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace coldscope::rafs {

[[nodiscard]] std::array<std::byte, 32> blake3(std::span<const std::byte> bytes);

} // namespace coldscope::rafs
