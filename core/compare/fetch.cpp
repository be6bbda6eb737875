#include "core/compare/fetch.h"

#include "core/base/checked.h"

#include <algorithm>

namespace coldscope::compare {

namespace {

// Where a device ends, as far as is known.
std::uint64_t end_of(const Side& side, std::uint16_t device) {
    if (ReadAt* bytes = side.device(device))
        return bytes->size();
    if (device == 0)
        return side.image.size();
    const std::uint64_t blocks = side.image.devices()[device - 1U].blocks;
    return blocks == 0 ? ~std::uint64_t{0} : blocks << side.image.superblock().block_bits;
}

// Calls part(range, node) for disjoint ranges in order; bytes that are in several files are the
// first one's.
template <typename Part>
void for_each_range(const Side& side, std::uint16_t device, const Part& part) {
    const auto maps = side.index.reverse_maps();
    if (device >= maps.size())
        return;
    const std::uint64_t block = side.image.superblock().block_size();
    const std::uint64_t limit = end_of(side, device);
    std::uint64_t done = 0;
    for (const erofs::ReverseExtent& extent : maps[device].extents()) {
        std::uint64_t end = extent.address + extent.length; // checked when it was mapped
        // The kernel reads whole blocks; what lies behind an inode comes with the metadata.
        if (extent.address % block == 0 && end <= ~std::uint64_t{0} - block)
            end = align_up(end, block);
        const Range range{std::max(extent.address, done), std::min(end, limit)};
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

void find_device_fetch(const Side& before, const Side& after, std::uint16_t device,
                       Comparison& comparison) {
    DeviceNeed& need = comparison.devices[device];
    std::vector<Range> have;
    if (need.match.before)
        have = needed_ranges(before, *need.match.before);
    const std::vector<Range> needed = needed_ranges(after, device);
    need.needed = total(needed);
    Missing missing(have);
    for (const Range& range : needed)
        missing.of(range, [&](Range part) { append(need.to_fetch, part); });
    need.fetch = total(need.to_fetch);
    need.metadata = need.fetch;
    Missing of_files(have);
    for_each_range(after, device, [&](Range range, NodeId node) {
        of_files.of(range, [&](Range part) {
            comparison.fetch[node] += part.length();
            need.metadata -= part.length();
        });
    });
}

} // namespace

std::vector<Range> needed_ranges(const Side& side, std::uint16_t device) {
    std::vector<Range> ranges;
    if (device == 0)
        return {{0, end_of(side, 0)}};
    for_each_range(side, device, [&](Range range, NodeId) { append(ranges, range); });
    return ranges;
}

void find_fetch(const Side& before, const Side& after, Comparison& comparison) {
    comparison.fetch.assign(after.index.size(), 0);
    for (std::size_t i = 0; i <= before.image.devices().size(); ++i)
        comparison.needed_before += total(needed_ranges(before, static_cast<std::uint16_t>(i)));
    for (std::size_t i = 0; i < comparison.devices.size(); ++i) {
        find_device_fetch(before, after, static_cast<std::uint16_t>(i), comparison);
        comparison.needed += comparison.devices[i].needed;
        comparison.to_fetch += comparison.devices[i].fetch;
        comparison.metadata_to_fetch += comparison.devices[i].metadata;
    }
}

} // namespace coldscope::compare
