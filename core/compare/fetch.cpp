#include "core/compare/fetch.h"

#include "core/base/checked.h"

#include <algorithm>

namespace coldscope::compare {

namespace {

// Where a device ends, as far as is known: by its slot, since a local file may be cut short.
struct End {
    std::uint64_t most = ~std::uint64_t{0};    // nothing behind it counts
    std::uint64_t padding = ~std::uint64_t{0}; // nor does what fills a block behind it
};

End end_of(const Side& side, std::uint16_t device) {
    const ReadAt* bytes = side.device(device);
    if (device == 0) {
        const std::uint64_t size = bytes != nullptr ? bytes->size() : side.image.size();
        return {size, size};
    }
    const std::uint64_t size = bytes != nullptr ? bytes->size() : ~std::uint64_t{0};
    const std::uint64_t blocks = side.image.devices()[device - 1U].blocks;
    const std::uint32_t bits = side.image.superblock().block_bits;
    if (blocks == 0 || blocks > ~std::uint64_t{0} >> bits)
        return {~std::uint64_t{0}, size};
    const std::uint64_t said = blocks << bits;
    const bool whole = bytes != nullptr && size > said - (std::uint64_t{1} << bits);
    if (whole) // its last block may be one in part
        return {size, size};
    return {said, said};
}

// Calls part(range, node) for disjoint ranges in order; bytes that are in several files are the
// first one's.
template <typename Part>
void for_each_range(const Side& side, std::uint16_t device, const Part& part) {
    const auto maps = side.index.reverse_maps();
    if (device >= maps.size())
        return;
    const std::uint64_t block = side.image.superblock().block_size();
    const End limit = end_of(side, device);
    std::uint64_t done = 0;
    for (const erofs::ReverseExtent& extent : maps[device].extents()) {
        std::uint64_t end = extent.address + extent.length; // checked when it was mapped
        // The kernel reads whole blocks; what lies behind an inode comes with the metadata.
        if (extent.address % block == 0 && end <= ~std::uint64_t{0} - block)
            end = std::max(end, std::min(align_up(end, block), limit.padding));
        const Range range{std::max(extent.address, done), std::min(end, limit.most)};
        if (range.begin >= range.end)
            continue;
        done = range.end;
        part(range, extent.node);
    }
}

void append(std::vector<Range>& ranges, Range range) {
    if (!ranges.empty() && ranges.back().end == range.begin)
        ranges.back().end = range.end;
    else
        ranges.push_back(range);
}

std::uint64_t total(std::span<const Range> ranges) {
    std::uint64_t sum = 0;
    for (const Range& range : ranges)
        sum += range.length();
    return sum;
}

// What ranges of a device take to fetch.
std::uint64_t stored(const Side& side, std::uint16_t device, std::span<const Range> ranges) {
    const auto blob = blob_in_chunks(side, device);
    if (!blob)
        return total(ranges);
    std::uint64_t sum = 0;
    for_each_chunk(side, *blob, ranges,
                   [&](const rafs::Chunk& chunk) { sum += chunk.stored_size; });
    return sum;
}

std::vector<Range> whole_chunks(const Side& side, std::size_t blob, std::span<const Range> ranges) {
    std::vector<Range> whole;
    for_each_chunk(side, blob, ranges, [&](const rafs::Chunk& chunk) {
        append(whole, {chunk.offset, chunk.end()});
    });
    return whole;
}

// A chunk is the first file's that has bytes in it.
void share_chunks(const Side& after, std::uint16_t device, std::size_t blob, DeviceNeed& need,
                  std::vector<std::uint64_t>& fetch) {
    std::vector<const rafs::Chunk*> chunks;
    for_each_chunk(after, blob, need.to_fetch,
                   [&](const rafs::Chunk& chunk) { chunks.push_back(&chunk); });
    auto chunk = chunks.begin();
    for_each_range(after, device, [&](Range range, NodeId node) {
        while (chunk != chunks.end() && (*chunk)->end() <= range.begin)
            ++chunk;
        for (; chunk != chunks.end() && (*chunk)->offset < range.end; ++chunk) {
            fetch[node] += (*chunk)->stored_size;
            need.metadata -= (*chunk)->stored_size;
        }
    });
}

void find_device_fetch(const Side& before, const Side& after, std::uint16_t device,
                       Comparison& comparison) {
    DeviceNeed& need = comparison.devices[device];
    std::vector<Range> have;
    if (need.match.before)
        have = needed_ranges(before, *need.match.before);
    const std::vector<Range> needed = needed_ranges(after, device);
    Missing missing(have);
    for (const Range& range : needed)
        missing.of(range, [&](Range part) { append(need.to_fetch, part); });
    const auto blob = blob_in_chunks(after, device);
    if (blob)
        need.to_fetch = whole_chunks(after, *blob, need.to_fetch);
    need.needed = stored(after, device, needed);
    need.fetch = stored(after, device, need.to_fetch);
    need.metadata = need.fetch;
    if (blob)
        return share_chunks(after, device, *blob, need, comparison.fetch);
    Missing of_files(have);
    for_each_range(after, device, [&](Range range, NodeId node) {
        of_files.of(range, [&](Range part) {
            comparison.fetch[node] += part.length();
            need.metadata -= part.length();
        });
    });
}

} // namespace

std::optional<std::size_t> blob_in_chunks(const Side& side, std::uint16_t device) {
    if (device == 0 || side.rafs == nullptr || device > side.rafs->blobs.size() ||
        side.rafs->blobs[device - 1U].raw)
        return std::nullopt;
    return device - 1U;
}

std::vector<Range> needed_ranges(const Side& side, std::uint16_t device) {
    std::vector<Range> ranges;
    if (device == 0)
        return {{0, end_of(side, 0).most}};
    for_each_range(side, device, [&](Range range, NodeId) { append(ranges, range); });
    const auto blob = blob_in_chunks(side, device);
    return blob ? whole_chunks(side, *blob, ranges) : ranges;
}

void find_fetch(const Side& before, const Side& after, Comparison& comparison) {
    comparison.fetch.assign(after.index.size(), 0);
    for (std::size_t i = 0; i <= before.image.devices().size(); ++i)
        comparison.needed_before += stored(before, static_cast<std::uint16_t>(i),
                                           needed_ranges(before, static_cast<std::uint16_t>(i)));
    for (std::size_t i = 0; i < comparison.devices.size(); ++i) {
        find_device_fetch(before, after, static_cast<std::uint16_t>(i), comparison);
        comparison.needed += comparison.devices[i].needed;
        comparison.to_fetch += comparison.devices[i].fetch;
        comparison.metadata_to_fetch += comparison.devices[i].metadata;
    }
}

} // namespace coldscope::compare
