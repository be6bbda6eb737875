// CRC-32C (Castagnoli, reflected), without the final inversion, as EROFS stores it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace coldscope::erofs {

// Goes on from crc; start with all ones.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes);

} // namespace coldscope::erofs
