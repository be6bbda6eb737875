#include "core/erofs/reverse_map.h"

#include "core/erofs/radix.h"

#include <algorithm>
#include <tuple>

namespace coldscope::erofs {

namespace {

std::uint64_t end_of(const ReverseExtent& extent) {
    return extent.address + extent.length; // add() saw to it that this does not wrap
}

} // namespace

void ReverseMap::add(std::uint64_t address, std::uint64_t file_offset, std::uint64_t length,
                     NodeId node, bool encoded) {
    length = std::min(length, ~std::uint64_t{0} - address);
    while (length > 0) {
        const std::uint64_t part = std::min(length, max_piece);
        extents_.push_back({.address = address,
                            .file_offset = file_offset,
                            .length = static_cast<std::uint32_t>(part) & 0x7FFF'FFFFU,
                            .encoded = encoded,
                            .node = node});
        address += part;
        file_offset += part;
        length -= part;
    }
}

void ReverseMap::seal(std::uint64_t spare) {
    const auto by_address = [](const ReverseExtent& extent) { return extent.address; };
    const bool may_copy = extents_.size() <= spare / sizeof(ReverseExtent);
    if (!std::ranges::is_sorted(extents_, {}, by_address)) {
        if (may_copy)
            radix_sort(extents_, by_address);
        else
            std::ranges::sort(extents_, {}, [](const ReverseExtent& extent) {
                return std::tuple(extent.address, extent.node, extent.file_offset);
            });
    }
    if (may_copy && extents_.capacity() - extents_.size() > extents_.size() / 8)
        extents_.shrink_to_fit();

    levels_.clear();
    std::size_t count = extents_.size();
    while (count > 1) {
        const bool bottom = levels_.empty();
        std::vector<std::uint64_t> level((count + fan_out - 1) / fan_out);
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t end = bottom ? end_of(extents_[i]) : levels_.back()[i];
            level[i / fan_out] = std::max(level[i / fan_out], end);
        }
        count = level.size();
        levels_.push_back(std::move(level));
    }
}

std::size_t ReverseMap::next_ending_after(std::size_t from, std::size_t limit,
                                          std::uint64_t address) const {
    std::size_t level = 0; // 0: single extents; n: groups of levels_[n - 1]
    std::size_t at = from;
    std::size_t width = 1; // extents that one step at this level passes over
    while (at * width < limit) {
        const std::uint64_t end = level == 0 ? end_of(extents_[at]) : levels_[level - 1][at];
        if (end > address) {
            if (level == 0)
                return at;
            --level;
            width /= fan_out;
            at *= fan_out;
            continue;
        }
        ++at;
        // A whole group has been passed: look at the groups above.
        while (level < levels_.size() && at % fan_out == 0) {
            at /= fan_out;
            ++level;
            width *= fan_out;
        }
    }
    return limit;
}

std::uint64_t ReverseMap::end() const {
    if (!levels_.empty())
        return *std::max_element(levels_.back().begin(), levels_.back().end());
    std::uint64_t end = 0;
    for (const ReverseExtent& extent : extents_)
        end = std::max(end, end_of(extent));
    return end;
}

std::size_t ReverseMap::memory() const {
    std::size_t bytes = extents_.capacity() * sizeof(ReverseExtent);
    for (const auto& level : levels_)
        bytes += level.capacity() * sizeof(std::uint64_t);
    return bytes;
}

} // namespace coldscope::erofs
