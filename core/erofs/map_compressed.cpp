// Where a file's bytes are: compressed layouts.
#include "core/base/checked.h"
#include "core/erofs/image.h"
#include "core/erofs/map_append.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

Result<void> check_readable(const Inode& inode) {
    if (is_compressed(inode.layout))
        return {};
    return failure(Code::invalid, fmt::format("inode {} is not compressed", inode.nid),
                   inode.offset);
}

} // namespace

Result<std::vector<Cluster>> Image::clusters(const Inode& inode, std::uint64_t offset,
                                             std::uint64_t length) {
    COLDSCOPE_CHECK(check_readable(inode));
    std::vector<Cluster> result;
    if (offset >= inode.size || length == 0)
        return result;
    const std::uint64_t end = offset + std::min(length, inode.size - offset);
    COLDSCOPE_TRY(CompressedMap map, CompressedMap::open(*this, inode));
    for (std::uint64_t at = offset; at < end; at = result.back().offset + result.back().length) {
        COLDSCOPE_TRY(Cluster cluster, map.at(at));
        result.push_back(cluster);
    }
    return result;
}

Result<Inode> Image::packed_inode() {
    if (!packed_) {
        if (super_.packed_nid == 0)
            return failure(Code::corrupt,
                           "a file has a fragment, but the image has no packed inode",
                           super_offset + 96);
        COLDSCOPE_TRY(packed_, inode(super_.packed_nid));
    }
    return *packed_;
}

Result<std::uint64_t> Image::index_entries(const Inode& inode) {
    if (!is_compressed(inode.layout) || inode.size == 0)
        return 0;
    COLDSCOPE_TRY(const MapHeader header, read_map_header(*this, inode));
    if (header.whole_packed)
        return 0;
    if (header.has_records && header.record_size() > 8)
        return header.extents;
    return ((inode.size - 1) >> header.lcluster_bits) + 1;
}

// The map of the file that was mapped last is kept, and apart from it those of the metabox and of
// the packed inode, which others are read through: opening one reads entries, and records of 4
// bytes are walked from the first.
Result<CompressedMap*> Image::compressed_map(const Inode& inode) {
    Mapped& kept = inode.nid == super_.metabox_nid  ? maps_[0]
                   : inode.nid == super_.packed_nid ? maps_[1]
                                                    : maps_[2];
    if (!kept.map || kept.offset != inode.offset || kept.size != inode.size ||
        kept.nid != inode.nid) {
        kept.map.reset();
        COLDSCOPE_TRY(const std::uint64_t entries, index_entries(inode));
        if (entries > metadata_room() / 2)
            return failure(Code::corrupt,
                           fmt::format("inode {}: its index of {} entries is more than the image "
                                       "has room for",
                                       inode.nid, entries),
                           inode.offset);
        COLDSCOPE_TRY(CompressedMap map, CompressedMap::open(*this, inode));
        kept = {inode.nid, inode.offset, inode.size, std::move(map)};
    }
    return &*kept.map;
}

Result<std::uint64_t> Image::map_compressed(const Inode& inode, std::uint64_t offset,
                                            std::uint64_t end, std::size_t most,
                                            std::vector<Extent>& into) {
    const std::size_t first = into.size();
    COLDSCOPE_TRY(CompressedMap* const map, compressed_map(inode));
    for (std::size_t steps = 0; offset < end && steps < most && into.size() - first < most;
         ++steps) {
        COLDSCOPE_TRY(const Cluster cluster, map->at(offset));
        const std::uint64_t to = std::min(end, cluster.offset + cluster.length);
        if (cluster.form == Cluster::Form::fragment) {
            COLDSCOPE_TRY(offset, add_fragment(inode, cluster, offset, to, first,
                                               most - (into.size() - first), into));
            continue;
        }
        COLDSCOPE_CHECK(add_cluster(inode, cluster, offset, to, first, into));
        offset = to;
    }
    return offset;
}

// The part [offset, end) of the file, which lies in the cluster.
Result<void> Image::add_cluster(const Inode& inode, const Cluster& cluster, std::uint64_t offset,
                                std::uint64_t end, std::size_t first, std::vector<Extent>& into) {
    const std::uint64_t skip = offset - cluster.offset;
    const std::uint64_t length = end - offset;
    switch (cluster.form) {
    case Cluster::Form::hole:
        append_extent({offset, length, ExtentKind::hole, 0, 0}, into, first);
        return {};
    case Cluster::Form::encoded:
        return add_encoded(inode, cluster, offset, end, into);
    case Cluster::Form::fragment: // of another inode: see add_fragment()
        return {};
    case Cluster::Form::plain:
        if (cluster.inlined)
            return add_inline(inode, cluster.address + skip, offset, length, into);
        return add_data(inode, 0, cluster.address + skip, offset, length, first, into);
    case Cluster::Form::interlaced:
        break;
    }
    // What belongs to the file's first block of it ends the cluster; the rest begins it.
    const std::uint64_t block = super_.block_size();
    const std::uint64_t head = std::min(block - (cluster.offset & (block - 1)), cluster.length);
    const std::uint64_t head_at =
        cluster.address + cluster.stored - (block - (cluster.offset & (block - 1)));
    if (skip < head) {
        const std::uint64_t part = std::min(head - skip, length);
        COLDSCOPE_CHECK(add_data(inode, 0, head_at + skip, offset, part, first, into));
        offset += part;
    }
    if (offset == end)
        return {};
    return add_data(inode, 0, cluster.address + (offset - cluster.offset - head), offset,
                    end - offset, first, into);
}

Result<void> Image::add_encoded(const Inode& inode, const Cluster& cluster, std::uint64_t offset,
                                std::uint64_t end, std::vector<Extent>& into) {
    Extent extent;
    extent.offset = offset;
    extent.length = end - offset;
    extent.kind = ExtentKind::encoded;
    extent.address = cluster.address;
    extent.encoded = static_cast<std::uint32_t>(cluster.stored);
    extent.decoded = static_cast<std::uint32_t>(cluster.length);
    extent.skip = static_cast<std::uint32_t>(offset - cluster.offset);
    extent.algorithm = cluster.algorithm;
    extent.shared = cluster.partial;
    if (cluster.inlined) {
        COLDSCOPE_TRY(const auto plain, metabox_place(inode, cluster.address, cluster.stored));
        extent.address = plain.value_or(cluster.address);
        extent.in_metabox = !plain;
    } else {
        const DeviceResolver::Place place = resolver_.resolve(0, cluster.address);
        if (place.room < cluster.stored)
            return failure(Code::corrupt,
                           fmt::format("inode {}: its cluster of {} bytes at {} lies on two "
                                       "devices",
                                       inode.nid, cluster.stored, cluster.address),
                           inode.offset);
        extent.device = place.device;
        extent.address = place.address;
    }
    into.push_back(extent);
    return {};
}

Result<std::uint64_t> Image::add_fragment(const Inode& inode, const Cluster& cluster,
                                          std::uint64_t offset, std::uint64_t end,
                                          std::size_t first, std::size_t most,
                                          std::vector<Extent>& into) {
    COLDSCOPE_TRY(const Inode packed, packed_inode());
    const auto start = checked_add(cluster.address, offset - cluster.offset);
    if (!packed.is_regular() || !start || *start > packed.size ||
        end - offset > packed.size - *start)
        return failure(Code::corrupt,
                       fmt::format("inode {}: its fragment at {} of the packed inode, which has "
                                   "{} bytes",
                                   inode.nid, cluster.address, packed.size),
                       inode.offset);
    std::vector<Extent> pieces;
    COLDSCOPE_TRY(const std::uint64_t reached,
                  map_some(packed, *start, *start + (end - offset), most, pieces));
    for (Extent& piece : pieces) {
        piece.fragment = piece.offset;
        piece.offset = piece.offset - *start + offset;
        append_extent(piece, into, first);
    }
    return offset + (reached - *start);
}

} // namespace coldscope::erofs
