// The superblock at byte 1024 of the primary device.
// Source: struct erofs_super_block in Linux fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/erofs/features.h"
#include "core/erofs/finding.h"

#include <array>
#include <cstdint>
#include <string>

namespace coldscope::erofs {

struct Superblock {
    std::uint32_t checksum = 0;
    std::uint32_t feature_compat = 0;
    std::uint32_t feature_incompat = 0;
    std::uint8_t block_bits = 12;
    std::uint8_t extension_slots = 0; // of 16 bytes each, after the first 128
    std::uint64_t root_nid = 0;
    std::uint64_t inodes = 0;
    std::int64_t epoch = 0; // seconds since 1970: the base of compact inodes' times
    std::uint32_t fixed_nsec = 0;
    std::uint64_t blocks = 0; // of the primary device
    std::uint32_t meta_block = 0;
    std::uint32_t xattr_block = 0;
    std::array<std::uint8_t, 16> uuid{};
    std::string volume_name;             // raw bytes, up to the first NUL
    std::uint16_t compression = 0;       // algorithm bitmap, or the LZ4 window, by feature
    std::uint16_t extra_devices = 0;     // 0 unless the device table feature is set
    std::uint16_t device_slot_start = 0; // in 128-byte slots from byte 0
    std::uint8_t directory_block_bits = 0;
    std::uint8_t xattr_prefix_count = 0;
    std::uint32_t xattr_prefix_start = 0; // in 4-byte units
    std::uint64_t packed_nid = 0;
    std::uint8_t xattr_filter_reserved = 0;
    std::uint8_t share_prefix_id = 0; // meaningful with compat::inode_share_xattrs
    std::uint32_t build_time = 0;     // seconds after epoch
    std::uint64_t metabox_nid = 0;    // 0 unless the metabox feature is set

    [[nodiscard]] std::uint32_t block_size() const { return std::uint32_t{1} << block_bits; }
    [[nodiscard]] bool has(std::uint32_t incompatible_bit) const {
        return (feature_incompat & incompatible_bit) != 0;
    }
    [[nodiscard]] bool has_compat(std::uint32_t bit) const { return (feature_compat & bit) != 0; }
    // The compression algorithms that files may have: bits by codec::Algorithm.
    [[nodiscard]] std::uint32_t algorithms() const {
        return has(incompat::compression_configs) ? compression : lz4_alone;
    }
    [[nodiscard]] bool may_be_compressed() const {
        return has(incompat::compression_configs | incompat::lz4_0padding) || compression != 0;
    }
    [[nodiscard]] std::uint32_t size() const { // bytes
        return super_size + extension_slots * super_slot_size;
    }
    [[nodiscard]] std::int64_t build_seconds() const { // since 1970
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(epoch) + build_time);
    }
    [[nodiscard]] std::string uuid_text() const;
};

// Errors: not_erofs (no magic), truncated, checksum, unsupported (names the bits), corrupt.
// With findings, a wrong checksum is listed there and reading goes on.
[[nodiscard]] Result<Superblock> read_superblock(ReadAt& primary, Findings* tolerant = nullptr);

// The checksum that the superblock's block should carry: CRC-32C from byte 1024 to the block's
// end (a whole block where blocks are of 1024 bytes or fewer), the field itself taken as zero.
[[nodiscard]] Result<std::uint32_t> superblock_checksum(ReadAt& primary, std::uint32_t block_size);

} // namespace coldscope::erofs
