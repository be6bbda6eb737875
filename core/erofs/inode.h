// Inodes, compact (32 bytes) and extended (64 bytes).
// Source: struct erofs_inode_compact and erofs_inode_extended in Linux fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/error.h"
#include "core/erofs/superblock.h"

#include <cstdint>
#include <span>

#include <sys/stat.h>

namespace coldscope::erofs {

inline constexpr std::uint64_t null_block = ~std::uint64_t{0};

struct Inode {
    std::uint64_t nid = 0;
    std::uint64_t offset = 0; // bytes: of the inode in the primary device, or in the metabox
    std::uint64_t size = 0;   // bytes
    std::int64_t mtime = 0;   // seconds since 1970
    std::uint64_t start_block = null_block; // flat layouts; null_block: one hole
    std::uint64_t blocks = 0;               // compressed layouts: occupied blocks
    std::uint32_t mtime_nsec = 0;
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t nlink = 0;
    std::uint32_t rdev = 0;       // of device nodes, encoded as Linux does in 32 bits; see below
    std::uint32_t ino = 0;        // a number for 32-bit stat; nids are what identifies
    std::uint32_t xattr_size = 0; // bytes of the xattr area that follows the inode
    std::uint16_t chunk_format = 0;
    std::uint8_t chunk_bits = 0; // chunk-based: chunk size = 1 << chunk_bits
    std::uint8_t slot_size = compact_inode_size;
    Layout layout = Layout::flat_plain;
    bool dot_omitted = false; // directories: "." is not stored

    [[nodiscard]] bool in_metabox() const { return (nid & metabox_nid_bit) != 0; }
    [[nodiscard]] std::uint64_t xattr_offset() const { return offset + slot_size; }
    // Where the inline tail, chunk table or map header begins (before alignment), in bytes.
    [[nodiscard]] std::uint64_t body_offset() const { return xattr_offset() + xattr_size; }
    [[nodiscard]] std::uint32_t rdev_major() const { return (rdev & 0xFFF00) >> 8; }
    [[nodiscard]] std::uint32_t rdev_minor() const {
        return (rdev & 0xFF) | ((rdev >> 12) & 0xFFF00);
    }
    [[nodiscard]] bool is_directory() const { return S_ISDIR(mode); }
    [[nodiscard]] bool is_regular() const { return S_ISREG(mode); }
    [[nodiscard]] bool is_symlink() const { return S_ISLNK(mode); }
};

// The byte offset of an inode; corrupt when the number can't be one.
[[nodiscard]] Result<std::uint64_t> inode_offset(const Superblock& super, std::uint64_t nid);

// How many bytes an inode has that starts with these two.
[[nodiscard]] std::uint32_t inode_slot_size(std::uint16_t format);

// bytes: the whole inode. Errors: truncated, corrupt, unsupported.
[[nodiscard]] Result<Inode> parse_inode(const Superblock& super, std::uint64_t nid,
                                        std::uint64_t offset, std::span<const std::byte> bytes);

[[nodiscard]] FileType file_type(std::uint32_t mode);

} // namespace coldscope::erofs
