// Where a file's bytes are: flat and chunk-based layouts.
#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/erofs/image.h"
#include "core/erofs/map_append.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace coldscope::erofs {

Result<std::vector<Extent>> Image::map(const Inode& inode, std::uint64_t offset,
                                       std::uint64_t length) {
    std::vector<Extent> extents;
    COLDSCOPE_CHECK(map_into(inode, offset, length, extents));
    return extents;
}

Result<void> Image::map_into(const Inode& inode, std::uint64_t offset, std::uint64_t length,
                             std::vector<Extent>& into) {
    if (offset >= inode.size || length == 0)
        return {};
    const std::uint64_t end = offset + std::min(length, inode.size - offset);
    COLDSCOPE_CHECK(map_some(inode, offset, end, ~std::size_t{0}, into));
    return {};
}

Result<std::uint64_t> Image::map_some(const Inode& inode, std::uint64_t offset, std::uint64_t end,
                                      std::size_t most, std::vector<Extent>& into) {
    end = std::min(end, inode.size);
    if (!inode.is_regular() && !inode.is_directory() && !inode.is_symlink())
        return end; // device nodes, pipes and sockets have no bytes
    if (offset >= end)
        return end;
    if (is_compressed(inode.layout))
        return map_compressed(inode, offset, end, most, into);
    if (inode.layout == Layout::chunk_based)
        return map_chunks(inode, offset, end, most, into);
    COLDSCOPE_CHECK(map_flat(inode, offset, end, into));
    return end;
}

// first: where this file's extents begin in `into`.
// An extent may run from the primary device's range into that of another device; each piece is
// resolved by itself.
Result<void> Image::add_data(const Inode& inode, std::uint16_t device, std::uint64_t address,
                             std::uint64_t offset, std::uint64_t length, std::size_t first,
                             std::vector<Extent>& into) {
    if (!checked_add(address, length))
        return failure(Code::corrupt,
                       fmt::format("inode {}: bytes at {} wrap around", inode.nid, address),
                       inode.offset);
    while (length > 0) {
        const DeviceResolver::Place place = resolver_.resolve(device, address);
        const std::uint64_t count = std::min(length, place.room);
        append_extent({offset, count, ExtentKind::data, place.device, place.address}, into, first);
        offset += count;
        address += count;
        length -= count;
    }
    return {};
}

Result<void> Image::map_flat(const Inode& inode, std::uint64_t offset, std::uint64_t end,
                             std::vector<Extent>& into) {
    if (inode.start_block == null_block && inode.layout == Layout::flat_plain) {
        into.push_back({offset, end - offset, ExtentKind::hole, 0, 0});
        return {};
    }
    // The last block of an inline file, even a full one, lies behind the inode.
    std::uint64_t tail = inode.size;
    if (inode.layout == Layout::flat_inline)
        tail = (inode.size - 1) & ~std::uint64_t{super_.block_size() - 1};
    if (offset < tail) {
        const auto start = checked_mul<std::uint64_t>(inode.start_block, super_.block_size());
        const auto address = start ? checked_add(*start, offset) : std::nullopt;
        if (!address)
            return failure(Code::corrupt,
                           fmt::format("inode {}: start block {} is beyond any device", inode.nid,
                                       inode.start_block),
                           inode.offset + 16);
        COLDSCOPE_CHECK(
            add_data(inode, 0, *address, offset, std::min(end, tail) - offset, into.size(), into));
    }
    if (end > tail)
        return map_tail(inode, tail, std::max(offset, tail), end, into);
    return {};
}

Result<void> Image::map_tail(const Inode& inode, std::uint64_t tail, std::uint64_t offset,
                             std::uint64_t end, std::vector<Extent>& into) {
    const std::uint64_t start = inode.body_offset();
    const std::uint64_t within = start & (super_.block_size() - 1);
    if (within + (inode.size - tail) > super_.block_size())
        return failure(Code::corrupt,
                       fmt::format("inode {}: inline data of {} bytes crosses a block's end",
                                   inode.nid, inode.size - tail),
                       start);
    return add_inline(inode, start + (offset - tail), offset, end - offset, into);
}

Result<void> Image::add_inline(const Inode& inode, std::uint64_t address, std::uint64_t offset,
                               std::uint64_t length, std::vector<Extent>& into) {
    COLDSCOPE_TRY(const auto plain, metabox_place(inode, address, length));
    Extent extent{offset, length, ExtentKind::inline_tail, 0, plain.value_or(address)};
    extent.in_metabox = !plain;
    into.push_back(extent);
    return {};
}

// The primary device's address of bytes behind an inode; nothing where that is in the metabox and
// the metabox has them compressed, or in pieces.
Result<std::optional<std::uint64_t>> Image::metabox_place(const Inode& inode, std::uint64_t address,
                                                          std::uint64_t length) {
    if (!inode.in_metabox())
        return address;
    COLDSCOPE_TRY(const Inode box, this->inode(super_.metabox_nid));
    if (address > box.size || length > box.size - address)
        return failure(Code::corrupt,
                       fmt::format("inode {}: its inline data is not in the metabox", inode.nid),
                       address);
    std::vector<Extent> pieces;
    COLDSCOPE_CHECK(map_into(box, address, length, pieces));
    if (pieces.size() != 1 || pieces[0].device != 0 || pieces[0].in_metabox ||
        (pieces[0].kind != ExtentKind::data && pieces[0].kind != ExtentKind::inline_tail))
        return std::nullopt;
    return pieces[0].address;
}

Result<Image::ChunkTable> Image::chunk_table(const Inode& inode) const {
    ChunkTable table;
    table.width = (inode.chunk_format & chunk_indexes) != 0 ? 8 : 4;
    const auto body = checked_add<std::uint64_t>(inode.body_offset(), table.width);
    if (!body)
        return failure(Code::corrupt, fmt::format("inode {}: no room for a table", inode.nid),
                       inode.offset);
    table.offset = align_up<std::uint64_t>(inode.body_offset(), table.width);
    table.count = inode.size == 0 ? 0 : ((inode.size - 1) >> inode.chunk_bits) + 1;
    // A table in the metabox is stored in the image too, if not at this offset.
    const std::uint64_t size = meta_.size();
    const std::uint64_t start = inode.in_metabox() ? 0 : table.offset;
    if (table.count != 0 && (start > size || table.count > (size - start) / table.width))
        return failure(Code::truncated,
                       fmt::format("inode {}: its table of {} chunks at byte {} ends early",
                                   inode.nid, table.count, table.offset),
                       size);
    return table;
}

Result<std::uint64_t> Image::map_chunks(const Inode& inode, std::uint64_t offset, std::uint64_t end,
                                        std::size_t most, std::vector<Extent>& into) {
    const std::size_t first_extent = into.size();
    COLDSCOPE_TRY(const ChunkTable table, chunk_table(inode));
    const std::uint64_t address_mask = table.width == 8 && (inode.chunk_format & chunk_48bit) != 0
                                           ? 0xFFFF'FFFF'FFFF
                                           : 0xFFFF'FFFF;
    std::uint64_t chunk = offset >> inode.chunk_bits;
    const std::uint64_t last = (end - 1) >> inode.chunk_bits;
    while (chunk <= last) {
        const std::uint64_t batch =
            std::min<std::uint64_t>(last - chunk + 1, MetaReader::max_view / table.width);
        COLDSCOPE_TRY(const auto bytes,
                      metadata(inode.in_metabox(), table.offset + chunk * table.width,
                               static_cast<std::size_t>(batch) * table.width, "chunk table"));
        Cursor at(bytes, table.offset + chunk * table.width);
        for (std::uint64_t i = 0; i < batch; ++i, ++chunk) {
            if (into.size() - first_extent >= most)
                return chunk << inode.chunk_bits;
            const std::uint64_t entry_offset = at.offset();
            std::uint64_t block = 0;
            std::uint16_t device = 0;
            if (table.width == 8) {
                const std::uint64_t hi = at.u16();
                device = at.u16() & resolver_.id_mask();
                block = ((hi << 32) | at.u32()) & address_mask;
            } else {
                block = at.u32();
            }
            const std::uint64_t chunk_start = chunk << inode.chunk_bits;
            const std::uint64_t from = std::max(offset, chunk_start);
            const std::uint64_t to =
                chunk == last ? end : chunk_start + (std::uint64_t{1} << inode.chunk_bits);
            if (block == address_mask) {
                append_extent({from, to - from, ExtentKind::hole, 0, 0}, into, first_extent);
                continue;
            }
            if (device > devices_.size())
                return failure(Code::corrupt,
                               fmt::format("inode {}: chunk {} is on device {}, but there are {}",
                                           inode.nid, chunk, device, devices_.size()),
                               entry_offset + 2);
            const auto start = checked_mul<std::uint64_t>(block, super_.block_size());
            const auto address = start ? checked_add(*start, from - chunk_start) : std::nullopt;
            if (!address)
                return failure(Code::corrupt,
                               fmt::format("inode {}: chunk {} at block {} is beyond any device",
                                           inode.nid, chunk, block),
                               entry_offset);
            COLDSCOPE_CHECK(add_data(inode, device, *address, from, to - from, first_extent, into));
        }
    }
    return end;
}

} // namespace coldscope::erofs
