// How much memory may be held for an image. All that is kept for one, whatever its bytes say,
// stays under 64 MiB and twice its size. About 44 MiB of them are for caches and decoders, 28 where
// LZ4 alone may be decoded; the rest is the index's and that of the map of its metadata.
#pragma once

#include "core/erofs/features.h"
#include "core/erofs/superblock.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace coldscope::erofs {

class MemoryRoom {
public:
    explicit MemoryRoom(std::uint64_t bytes) : left_(bytes) {}

    // Of an image of so many bytes. A RAFS bootstrap's table of chunks is kept beside its index.
    [[nodiscard]] static MemoryRoom for_index(std::uint64_t size, const Superblock& super) {
        const bool bootstrap = super.has_compat(compat::rafs_v6);
        return MemoryRoom(beside_caches(super) - metadata_map + size + (bootstrap ? 0 : size / 4));
    }
    // What the index, which takes so many bytes, leaves.
    [[nodiscard]] static MemoryRoom for_metadata_map(std::uint64_t size, const Superblock& super,
                                                     std::uint64_t index) {
        const std::uint64_t both = beside_caches(super) + 2 * size;
        return MemoryRoom(both - std::min(both, index));
    }

    [[nodiscard]] std::uint64_t left() const { return left_; }
    [[nodiscard]] bool take(std::uint64_t bytes) {
        if (bytes > left_)
            return false;
        left_ -= bytes;
        return true;
    }

    // Makes `items` able to take so many more. False, and nothing is done, where the old and the
    // new ones don't fit beside each other.
    template <typename T>
    [[nodiscard]] bool grow(std::vector<T>& items, std::size_t more) {
        if (items.capacity() - items.size() >= more)
            return true;
        for (const std::size_t part : {std::size_t{2}, std::size_t{8}, std::size_t{64}}) {
            const std::size_t wanted = items.size() + std::max(more, items.size() / part);
            if (wanted > left_ / sizeof(T))
                continue;
            left_ += items.capacity() * sizeof(T);
            items.reserve(wanted);
            left_ -= items.capacity() * sizeof(T);
            return true;
        }
        return false;
    }

private:
    static constexpr std::uint64_t metadata_map = 4 << 20; // bytes, beside what the size gives

    [[nodiscard]] static std::uint64_t beside_caches(const Superblock& super) {
        return std::uint64_t{super.may_be_compressed() ? 20U : 36U} << 20;
    }

    std::uint64_t left_; // bytes
};

} // namespace coldscope::erofs
