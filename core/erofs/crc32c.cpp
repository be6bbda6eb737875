#include "core/erofs/crc32c.h"

#include <array>

namespace coldscope::erofs {

namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
        table[i] = value;
    }
    return table;
}

constexpr auto table = make_table();

} // namespace

std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes)
        crc = (crc >> 8) ^ table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFF];
    return crc;
}

} // namespace coldscope::erofs
