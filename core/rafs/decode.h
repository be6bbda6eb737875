// From a chunk's stored bytes to those that files have.
#pragma once

#include "core/base/error.h"
#include "core/rafs/bootstrap.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace coldscope::rafs {

// stored: the chunk's stored_size bytes, from its blob. into: chunk.size bytes, which mean nothing
// after an error. Errors name blob and chunk; the offset is a byte of the blob: unsupported
// (Blob::obstacle), corrupt (they can't be decoded), mismatch (they are not what the digest was
// taken of). Any thread; bootstrap must be as read_bootstrap() gave it.
[[nodiscard]] Result<void> decode_chunk(const Bootstrap& bootstrap, const Chunk& chunk,
                                        std::span<const std::byte> stored,
                                        std::span<std::byte> into);

// Copies what a decoded chunk has of the range of its device that starts at offset.
void copy_part(const Chunk& chunk, std::span<const std::byte> decoded, std::uint64_t offset,
               std::span<std::byte> into);

// The chunks of a device that were decoded last, since a chunk is larger than most reads.
class RecentChunks {
public:
    using Bytes = std::shared_ptr<const std::vector<std::byte>>;
    // One chunk is kept however large it is.
    static constexpr std::size_t most_bytes = std::size_t{8} << 20;

    // Chunks are told apart by their offset in the device. Null where it is not kept.
    [[nodiscard]] Bytes find(const Chunk& chunk);
    void keep(const Chunk& chunk, Bytes decoded);

private:
    struct Entry {
        std::uint64_t offset;
        Bytes bytes;
    };
    std::list<Entry> entries_; // the latest first
    std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_offset_;
    std::size_t bytes_ = 0;
};

} // namespace coldscope::rafs
