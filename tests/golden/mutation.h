// Images with something wrong: each mutation follows from a seed and a number alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace coldscope::golden {

using Bytes = std::vector<std::byte>;

struct SeedImage {
    std::string name;     // of its layout: "chunks on a blob"
    Bytes bytes;          // the primary device
    std::string blob;     // the path of its one blob; empty without
    bool decodes = false; // compressed
    // Where its structures lie: superblock, slots, inodes, directory entries, xattrs, tables.
    std::vector<std::uint64_t> structures;
};

// Finds the structures. Throws std::runtime_error when the image can't be read.
void find_structures(SeedImage& image);

struct Mutation {
    Bytes bytes;
    std::string what; // "bits flipped at 1234", ...
};

// number: which mutation; images: splices take from any of them.
[[nodiscard]] Mutation mutate(const std::vector<SeedImage>& images, std::size_t image,
                              std::uint64_t seed, std::uint64_t number);

// As mkfs.erofs would have written it, so that readers look past the superblock.
void fix_checksum(Bytes& bytes);

} // namespace coldscope::golden
