#include "core/compare/chunks.h"

#include "core/compare/extent_reader.h"
#include "core/erofs/radix.h"

#include <algorithm>

namespace coldscope::compare {

namespace {

struct Chunk {
    std::uint64_t address = 0; // bytes
    std::uint64_t length = 0;  // bytes, what a file has of it
};

// Adjacent chunks come merged from the map; a chunk begins at a multiple of the size in the file.
void add_chunks(const erofs::Inode& inode, const erofs::Extent& extent,
                std::vector<std::vector<Chunk>>& by_device) {
    const std::uint64_t size = std::uint64_t{1} << inode.chunk_bits;
    for (std::uint64_t at = 0; at < extent.length; at += size)
        by_device[extent.device].push_back(
            {extent.address + at, std::min(size, extent.length - at)});
}

void count(std::vector<Chunk>& chunks, DeviceNeed& need) {
    erofs::radix_sort(chunks, [](const Chunk& chunk) { return chunk.address; });
    auto fetched = need.to_fetch.begin();
    for (std::size_t i = 0; i < chunks.size();) {
        Range range{chunks[i].address, 0};
        for (; i < chunks.size() && chunks[i].address == range.begin; ++i)
            range.end = std::max(range.end, chunks[i].address + chunks[i].length);
        ++need.chunks;
        while (fetched != need.to_fetch.end() && fetched->end <= range.begin)
            ++fetched;
        if (fetched == need.to_fetch.end() || !fetched->overlaps(range))
            ++need.shared_chunks;
    }
}

} // namespace

Result<void> count_chunks(const Side& after, Meter& meter, Comparison& comparison) {
    std::vector<std::vector<Chunk>> by_device(comparison.devices.size());
    std::uint64_t room = after.image.metadata_room() / 4; // for table entries
    COLDSCOPE_CHECK(meter.begin(Phase::paths, after.index.size()));
    for (std::size_t id = 0; id < after.index.size(); ++id) {
        COLDSCOPE_CHECK(meter.advance(1));
        const erofs::Node& node = after.index.node(static_cast<NodeId>(id));
        if (!node.is_regular() || node.layout != erofs::Layout::chunk_based ||
            after.index.node_of_nid(node.nid) != id) // a hard link
            continue;
        const auto inode = after.image.inode(node.nid);
        const auto table = inode ? after.image.chunk_table(*inode) : std::unexpected(inode.error());
        if (!table || table->count > room)
            continue; // a damaged file, or tables that overlap
        room -= table->count;
        // Where it can't be mapped, what was found before counts.
        static_cast<void>(for_each_extent(after.image, *inode, [&](const erofs::Extent& extent) {
            if (extent.kind == erofs::ExtentKind::data && extent.device < by_device.size())
                add_chunks(*inode, extent, by_device);
            return Result<void>();
        }));
    }
    for (std::size_t i = 0; i < by_device.size(); ++i)
        count(by_device[i], comparison.devices[i]);
    return {};
}

} // namespace coldscope::compare
