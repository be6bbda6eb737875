// Makes Nydus RAFS v6 bootstraps and blobs in memory, from the description of the format (its
// sources: core/rafs/format.h), for tests.
#pragma once

#include "core/rafs/bootstrap.h"
#include "tests/support/image_builder.h"

#include <cstdint>
#include <string>
#include <vector>

namespace coldscope::test {

struct RafsSpec {
    rafs::Compressor compressor = rafs::Compressor::zstd;
    rafs::Digester digester = rafs::Digester::sha256;
    std::uint32_t chunk_size = 1U << 20; // bytes
    // Chunks are stored where their decoded bytes belong, so that the kernel can mount the blob as
    // it is. Else each follows the one before, as Nydus has it. For Compressor::none.
    bool in_place = false;
    std::vector<std::string> prefetch; // paths
};

struct BuiltRafs {
    BuiltImage image;             // the bootstrap, and the blobs decoded
    std::vector<Bytes> stored;    // the blobs as they are kept
    std::vector<std::string> ids; // theirs: sha256, in hexadecimal
    std::uint64_t blob_table = 0; // byte offsets in the bootstrap
    std::uint64_t chunk_table = 0;
    std::uint64_t chunks = 0; // entries of it, in order of their digests

    // Where the bootstrap has the entry of the blob's chunk of this number (of blob 0).
    [[nodiscard]] std::uint64_t entry_of(std::uint32_t number) const;
};

// image: of 4096-byte blocks; files are chunk-based, and on devices. Tags become the blobs' ids.
[[nodiscard]] BuiltRafs build_rafs(ImageBuilder image, const RafsSpec& spec);

// One with two blobs, shared chunks, a file of several chunks with one entry, and a hole.
[[nodiscard]] BuiltRafs sample_rafs(const RafsSpec& spec);
// The files that sample_rafs() has on blobs, with their data.
[[nodiscard]] std::vector<FileSpec> sample_rafs_files(std::uint32_t chunk_size);

} // namespace coldscope::test
