// The clusters of compressed files that were decoded last, so that a file that is read in small
// steps is decoded once.
#pragma once

#include "core/codec/codec.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace coldscope::erofs {

class ClusterCache {
public:
    static constexpr std::size_t max_bytes = std::size_t{16} << 20;

    struct Key {
        const void* device = nullptr; // whatever stands for it
        std::uint64_t address = 0;    // bytes
        std::uint32_t encoded = 0;    // bytes
        std::uint32_t decoded = 0;    // bytes
        codec::Algorithm algorithm = codec::Algorithm::lz4;
        bool operator==(const Key&) const = default;
    };

    // The decoded bytes, or the first of them, valid until the next call; empty where none are
    // kept.
    [[nodiscard]] std::span<const std::byte> find(const Key& key);
    // Drops what was used longest ago, so that so many bytes may be taken and kept.
    void make_room(std::size_t bytes);
    // In place of what is kept with this key.
    void keep(const Key& key, std::vector<std::byte> bytes);

private:
    struct Entry {
        Key key;
        std::vector<std::byte> bytes;
        std::uint64_t used = 0;
    };
    void drop(std::size_t index);

    std::vector<Entry> entries_;
    std::size_t bytes_ = 0;
    std::uint64_t clock_ = 0;
};

} // namespace coldscope::erofs
