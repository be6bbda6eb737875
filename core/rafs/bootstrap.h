// The tables that make an EROFS image a RAFS v6 bootstrap: its blobs and their chunks.
// Formats and their sources: core/rafs/format.h.
#pragma once

#include "core/base/error.h"
#include "core/erofs/finding.h"
#include "core/erofs/image.h"
#include "core/rafs/digest.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace coldscope::rafs {

enum class Compressor : std::uint8_t { none, lz4_block, gzip, zstd }; // the numbers are RAFS's

// What follows the EROFS superblock.
struct Extension {
    std::uint64_t flags = 0;
    std::uint64_t blob_table = 0; // byte offsets and sizes of the tables
    std::uint64_t blob_table_size = 0;
    std::uint64_t chunk_table = 0;
    std::uint64_t chunk_table_size = 0;
    std::uint64_t prefetch_table = 0;
    std::uint64_t prefetch_table_size = 0;
    std::uint32_t chunk_size = 0; // bytes, at most, but for the chunks of older images

    [[nodiscard]] bool has(std::uint64_t flag) const { return (flags & flag) != 0; }
    [[nodiscard]] std::vector<std::string> flag_names() const;
};

struct Chunk {
    Digest digest{};
    std::uint64_t stored_offset = 0; // bytes in the blob
    std::uint64_t offset = 0;        // bytes in the device, which is the decoded blob
    std::uint32_t stored_size = 0;
    std::uint32_t size = 0;
    std::uint32_t blob = 0;   // from 0; its device's id is one more
    std::uint32_t number = 0; // within the blob, as the bootstrap has it
    std::uint32_t flags = 0;
    std::uint32_t entry = 0; // in the chunk table

    [[nodiscard]] bool compressed() const;
    [[nodiscard]] std::uint64_t end() const { return offset + size; }
    [[nodiscard]] std::uint64_t stored_end() const { return stored_offset + stored_size; }
};
static_assert(sizeof(Chunk) <= chunk_entry_size);

struct Blob {
    std::string id; // a digest, mostly; raw bytes up to the first NUL
    std::uint64_t entry_offset = 0;
    std::uint64_t stored_size = 0; // bytes of all encoded chunks
    std::uint64_t size = 0;        // bytes of the device
    std::uint64_t meta_offset = 0; // of what follows the chunks in the blob
    std::uint32_t chunk_size = 0;
    std::uint32_t chunk_count = 0;
    std::uint32_t features = 0;
    Compressor compressor = Compressor::none;
    Digester digester = Digester::blake3;
    bool raw = false;     // the blob is the device: nothing in it is encoded, or has a digest
    std::string obstacle; // why its chunks can't be decoded here; empty where they can

    std::size_t first_chunk = 0; // in Bootstrap::chunks
    std::size_t chunks = 0;      // in this bootstrap
};

struct Bootstrap {
    Extension extension;
    std::vector<Blob> blobs;             // [i] is device i + 1
    std::vector<Chunk> chunks;           // by blob and offset
    std::vector<std::uint32_t> prefetch; // nids, the most wanted first

    [[nodiscard]] std::span<const Chunk> chunks_of(std::size_t blob) const;
    // Those with bytes in the range [offset, offset + length) of blob's device, in order.
    [[nodiscard]] std::span<const Chunk> chunks_at(std::size_t blob, std::uint64_t offset,
                                                   std::uint64_t length) const;
    // Byte offset of the chunk's entry in the bootstrap.
    [[nodiscard]] std::uint64_t entry_offset(const Chunk& chunk) const {
        return extension.chunk_table + std::uint64_t{chunk.entry} * chunk_entry_size;
    }
    // "blob 1 (be7d...), chunk 7"
    [[nodiscard]] std::string name(const Chunk& chunk) const;
};

// Of what decides which bytes the blob's device has: differs when they may differ.
[[nodiscard]] Digest digest_of_chunks(const Bootstrap& bootstrap, std::size_t blob);

[[nodiscard]] bool is_bootstrap(const erofs::Superblock& super);
[[nodiscard]] const char* name(Compressor compressor);
[[nodiscard]] std::vector<std::string> feature_names(std::uint32_t blob_features);

// Null for what is EROFS, but no RAFS. Errors: truncated, corrupt.
// Strict: chunks are within their device, don't overlap, and their encoded bytes are of a size that
// can be read at once. With findings, what is wrong is listed there and what is right is returned.
[[nodiscard]] Result<std::shared_ptr<const Bootstrap>>
read_bootstrap(erofs::Image& image, erofs::Findings* tolerant = nullptr);

} // namespace coldscope::rafs
