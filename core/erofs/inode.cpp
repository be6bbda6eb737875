#include "core/erofs/inode.h"

#include "core/base/checked.h"
#include "core/base/cursor.h"

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::uint16_t format_known = 0x1F;
constexpr std::uint16_t format_extended = 0x01;
constexpr std::uint16_t format_nlink_1_or_dot_omitted = 0x10;

struct Raw {
    std::uint16_t format = 0;
    std::uint16_t xattr_count = 0;
    std::uint16_t nb = 0; // link count, or high bits of a block count or address
    std::uint32_t u = 0;  // block count or address, device, or chunk format
    bool nb_is_nlink = false;
};

Raw parse_compact(Cursor& at, const Superblock& super, Inode& inode, Raw raw) {
    inode.size = at.u32();
    inode.mtime = static_cast<std::int64_t>(static_cast<std::uint64_t>(super.epoch) + at.u32());
    inode.mtime_nsec = super.fixed_nsec;
    raw.u = at.u32();
    inode.ino = at.u32();
    inode.uid = at.u16();
    inode.gid = at.u16();
    at.skip(4);
    const bool nlink_1 = !S_ISDIR(inode.mode) && (raw.format & format_nlink_1_or_dot_omitted) != 0;
    raw.nb_is_nlink = !nlink_1;
    inode.nlink = nlink_1 ? 1 : raw.nb;
    return raw;
}

Raw parse_extended(Cursor& at, Inode& inode, Raw raw) {
    inode.size = at.u64();
    raw.u = at.u32();
    inode.ino = at.u32();
    inode.uid = at.u32();
    inode.gid = at.u32();
    inode.mtime = static_cast<std::int64_t>(at.u64());
    inode.mtime_nsec = at.u32();
    inode.nlink = at.u32();
    at.skip(16);
    return raw;
}

// i_u and i_nb mean different things by file type and layout.
Result<void> parse_union(const Superblock& super, const Raw& raw, Inode& inode) {
    const std::uint64_t hi = raw.nb_is_nlink ? 0 : raw.nb;
    const std::uint64_t block = raw.u | (hi << 32);
    switch (inode.mode & S_IFMT) {
    case S_IFCHR:
    case S_IFBLK:
        inode.rdev = raw.u;
        return {};
    case S_IFIFO:
    case S_IFSOCK:
        return {};
    case S_IFDIR:
    case S_IFREG:
    case S_IFLNK:
        break;
    default:
        return failure(Code::corrupt,
                       fmt::format("inode {}: mode {:o} is no file type", inode.nid, inode.mode),
                       inode.offset + 4);
    }
    if (inode.layout == Layout::chunk_based) {
        inode.chunk_format = static_cast<std::uint16_t>(raw.u);
        if ((inode.chunk_format & ~chunk_format_all) != 0)
            return failure(
                Code::corrupt,
                fmt::format("inode {}: chunk format {:#x}", inode.nid, inode.chunk_format),
                inode.offset + 16);
        inode.chunk_bits =
            static_cast<std::uint8_t>(super.block_bits + (inode.chunk_format & chunk_bits_mask));
    } else if (is_compressed(inode.layout)) {
        inode.blocks = block;
    } else {
        const std::uint64_t mask = raw.nb_is_nlink ? 0xFFFF'FFFF : 0xFFFF'FFFF'FFFF;
        const bool hole = inode.layout == Layout::flat_plain && (block & mask) == mask;
        inode.start_block = hole ? null_block : block;
    }
    return {};
}

} // namespace

Result<std::uint64_t> inode_offset(const Superblock& super, std::uint64_t nid) {
    const std::uint64_t base =
        (nid & metabox_nid_bit) != 0 ? 0 : std::uint64_t{super.meta_block} << super.block_bits;
    const auto bytes = checked_mul<std::uint64_t>(nid & ~metabox_nid_bit, 1U << inode_slot_bits);
    const auto offset = bytes ? checked_add(base, *bytes) : std::nullopt;
    if (!offset)
        return failure(Code::corrupt, fmt::format("inode number {} is beyond any image", nid));
    return *offset;
}

std::uint32_t inode_slot_size(std::uint16_t format) {
    return (format & format_extended) != 0 ? extended_inode_size : compact_inode_size;
}

Result<Inode> parse_inode(const Superblock& super, std::uint64_t nid, std::uint64_t offset,
                          std::span<const std::byte> bytes) {
    Cursor at(bytes, offset);
    Raw raw;
    Inode inode;
    inode.nid = nid;
    inode.offset = offset;
    raw.format = at.u16();
    raw.xattr_count = at.u16();
    inode.mode = at.u16();
    raw.nb = at.u16();
    const std::uint32_t layout = (raw.format >> 1) & 7U;
    if ((raw.format & ~format_known) != 0 || layout > 4)
        return failure(Code::corrupt,
                       fmt::format("inode {}: format {:#06x} is not known", nid, raw.format),
                       offset);
    inode.layout = static_cast<Layout>(layout);
    inode.slot_size = static_cast<std::uint8_t>(inode_slot_size(raw.format));
    raw = inode.slot_size == extended_inode_size ? parse_extended(at, inode, raw)
                                                 : parse_compact(at, super, inode, raw);
    if (!at.ok())
        return at.error(fmt::format("inode {}", nid));
    if (inode.size > ~std::uint64_t{0} >> 1)
        return failure(Code::corrupt, fmt::format("inode {}: size {}", nid, inode.size),
                       offset + 8);
    if (raw.xattr_count != 0)
        inode.xattr_size = xattr_header_size + 4 * (raw.xattr_count - 1U);
    inode.dot_omitted = inode.is_directory() && (raw.format & format_nlink_1_or_dot_omitted) != 0;
    COLDSCOPE_CHECK(parse_union(super, raw, inode));
    return inode;
}

FileType file_type(std::uint32_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return FileType::regular;
    case S_IFDIR:
        return FileType::directory;
    case S_IFCHR:
        return FileType::char_device;
    case S_IFBLK:
        return FileType::block_device;
    case S_IFIFO:
        return FileType::fifo;
    case S_IFSOCK:
        return FileType::socket;
    case S_IFLNK:
        return FileType::symlink;
    default:
        return FileType::unknown;
    }
}

} // namespace coldscope::erofs
