// Constants of the EROFS on-disk format, little-endian throughout.
// Source: Linux Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h.
#pragma once

#include <cstdint>

namespace coldscope::erofs {

inline constexpr std::uint32_t super_magic = 0xE0F5E1E2;
inline constexpr std::uint64_t super_offset = 1024; // bytes
inline constexpr std::uint32_t super_size = 128;    // bytes, without extension slots
inline constexpr std::uint32_t super_slot_size = 16;
inline constexpr std::uint32_t super_checksum_at = 4; // within the superblock
inline constexpr std::uint32_t min_block_bits = 9;
inline constexpr std::uint32_t max_block_bits = 16;
inline constexpr std::uint32_t max_block_size = 1U << max_block_bits;

inline constexpr std::uint32_t device_slot_size = 128;
inline constexpr std::uint32_t device_tag_size = 64;

inline constexpr std::uint32_t inode_slot_bits = 5; // nids count 32-byte slots
inline constexpr std::uint32_t compact_inode_size = 32;
inline constexpr std::uint32_t extended_inode_size = 64;
inline constexpr std::uint64_t metabox_nid_bit = std::uint64_t{1} << 63;

inline constexpr std::uint32_t dirent_size = 12;
inline constexpr std::uint32_t max_name_length = 255;

inline constexpr std::uint32_t xattr_header_size = 12;
inline constexpr std::uint32_t xattr_entry_size = 4;
inline constexpr std::uint8_t xattr_long_prefix = 0x80;

inline constexpr std::uint16_t chunk_bits_mask = 0x1F;
inline constexpr std::uint16_t chunk_indexes = 0x20;
inline constexpr std::uint16_t chunk_48bit = 0x40;
inline constexpr std::uint16_t chunk_format_all = 0x7F;

inline constexpr std::uint32_t lz4_alone = 0x1; // the algorithms of images that list none

enum class Layout : std::uint8_t {
    flat_plain = 0,
    compressed_full = 1,
    flat_inline = 2,
    compressed_compact = 3,
    chunk_based = 4,
};

[[nodiscard]] constexpr bool is_compressed(Layout layout) {
    return layout == Layout::compressed_full || layout == Layout::compressed_compact;
}

// The types in directory entries.
enum class FileType : std::uint8_t {
    unknown,
    regular,
    directory,
    char_device,
    block_device,
    fifo,
    socket,
    symlink,
};
inline constexpr std::uint8_t file_type_count = 8;

} // namespace coldscope::erofs
