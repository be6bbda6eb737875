// How much memory may be held for an image. All that is kept for one, whatever its bytes say,
// stays under 64 MiB and twice its size: about 44 MiB are for caches and decoders, the rest is the
// index's and that of the map of its metadata.
#pragma once

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
    [[nodiscard]] static MemoryRoom for_index(std::uint64_t size, bool bootstrap) {
        return MemoryRoom((std::uint64_t{16} << 20) + size + (bootstrap ? 0 : size / 4));
    }
    // What the index, which takes so many bytes, leaves.
    [[nodiscard]] static MemoryRoom for_metadata_map(std::uint64_t size, std::uint64_t index) {
        const std::uint64_t both = (std::uint64_t{20} << 20) + 2 * size;
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
    std::uint64_t left_; // bytes
};

} // namespace coldscope::erofs
