// From a range of one device back to the files whose bytes lie there.
//
// Extents are sorted by address; over them stands a pyramid of the greatest end in each group of
// 16, so that extents that overlap (deduplicated chunks) are found exactly and in logarithmic
// time plus what is found.
#pragma once

#include "core/erofs/memory_room.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coldscope::erofs {

using NodeId = std::uint32_t;

struct ReverseExtent {
    std::uint64_t address = 0;     // bytes from the device's start
    std::uint64_t file_offset = 0; // bytes
    std::uint32_t length : 31 = 0; // bytes of the device; longer runs are split
    // It is a physical cluster, of which the file's bytes from file_offset on are decoded.
    bool encoded : 1 = false;
    NodeId node = 0;
};
static_assert(sizeof(ReverseExtent) <= 24);

class ReverseMap {
public:
    static constexpr std::uint64_t max_piece = 0x7FFF'0000; // bytes; keeps block alignment
    // How many extents a run of this length is kept as.
    [[nodiscard]] static constexpr std::uint64_t pieces(std::uint64_t length) {
        return length / max_piece + (length % max_piece != 0 ? 1 : 0);
    }

    // Takes extents in any order; length is not limited to 32 bits here. Call seal() before find().
    void add(std::uint64_t address, std::uint64_t file_offset, std::uint64_t length, NodeId node,
             bool encoded = false);
    // Makes room for so many more pieces; false where the memory does not suffice.
    [[nodiscard]] bool reserve(std::size_t more, MemoryRoom& room) {
        return room.grow(extents_, more);
    }
    // spare: bytes that may be taken meanwhile, to be faster.
    void seal(std::uint64_t spare = ~std::uint64_t{0});

    // Calls callback(const ReverseExtent&) in order of address for each that overlaps
    // [address, address + length).
    template <typename Callback>
    void find(std::uint64_t address, std::uint64_t length, Callback&& callback) const;

    // The file's offset of a byte that the extent has; of a cluster, where it begins.
    [[nodiscard]] static std::uint64_t offset_at(const ReverseExtent& extent,
                                                 std::uint64_t address) {
        return extent.encoded ? extent.file_offset
                              : extent.file_offset + (address - extent.address);
    }

    [[nodiscard]] const std::vector<ReverseExtent>& extents() const { return extents_; }
    // The address behind the last byte of all extents; 0 without any. After seal().
    [[nodiscard]] std::uint64_t end() const;
    [[nodiscard]] std::size_t memory() const; // bytes

private:
    static constexpr std::size_t fan_out = 16;

    // The first index from `from` on, below limit, whose extent ends after address.
    [[nodiscard]] std::size_t next_ending_after(std::size_t from, std::size_t limit,
                                                std::uint64_t address) const;

    std::vector<ReverseExtent> extents_;
    std::vector<std::vector<std::uint64_t>> levels_; // greatest ends; levels_[0] over extents_
};

template <typename Callback>
void ReverseMap::find(std::uint64_t address, std::uint64_t length, Callback&& callback) const {
    if (length == 0)
        return;
    const std::uint64_t end = length > ~address ? ~std::uint64_t{0} : address + length;
    std::size_t low = 0;
    std::size_t high = extents_.size();
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (extents_[middle].address < end)
            low = middle + 1;
        else
            high = middle;
    }
    for (std::size_t i = next_ending_after(0, low, address); i < low;
         i = next_ending_after(i + 1, low, address))
        callback(extents_[i]);
}

} // namespace coldscope::erofs
