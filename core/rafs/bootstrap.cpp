#include "core/rafs/bootstrap.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace coldscope::rafs {

namespace {

template <typename Bits, std::size_t count>
std::vector<std::string> names_of(Bits bits,
                                  const std::array<std::pair<Bits, const char*>, count>& known) {
    std::vector<std::string> names;
    for (const auto& [bit, name] : known) {
        if ((bits & bit) != 0)
            names.emplace_back(name);
        bits &= ~bit;
    }
    if (bits != 0)
        names.push_back(fmt::format("{:#x}", bits));
    return names;
}

} // namespace

std::vector<std::string> Extension::flag_names() const {
    using Pair = std::pair<std::uint64_t, const char*>;
    static constexpr std::array known{
        Pair{flag::compression_none, "uncompressed"},
        Pair{flag::compression_lz4, "lz4_block"},
        Pair{flag::compression_gzip, "gzip"},
        Pair{flag::compression_zstd, "zstd"},
        Pair{flag::hash_blake3, "blake3"},
        Pair{flag::hash_sha256, "sha256"},
        Pair{flag::explicit_owner, "explicit_uid_gid"},
        Pair{flag::has_xattr, "xattr"},
        Pair{flag::digests_in_blob, "inlined_chunk_digest"},
        Pair{flag::tarfs, "tarfs"},
        Pair{flag::not_encrypted, "not_encrypted"},
        Pair{flag::encrypted_aes_128_xts, "aes_128_xts"},
    };
    return names_of(flags, known);
}

std::vector<std::string> feature_names(std::uint32_t blob_features) {
    using Pair = std::pair<std::uint32_t, const char*>;
    static constexpr std::array known{
        Pair{feature::aligned, "aligned"},
        Pair{0x2, "inlined_fs_meta"},
        Pair{0x4, "chunk_info_v2"},
        Pair{feature::zran, "zran"},
        Pair{0x10, "separate"},
        Pair{0x20, "inlined_chunk_digest"},
        Pair{feature::tarfs, "tarfs"},
        Pair{feature::batch, "batch"},
        Pair{feature::encrypted, "encrypted"},
        Pair{0x200, "chunkdict_generated"},
        Pair{0x400, "separated_with_prefetch_files"},
        Pair{feature::external, "external"},
        Pair{0x1000'0000, "tar_header"},
        Pair{0x2000'0000, "toc"},
        Pair{0x4000'0000, "cap_tar_toc"},
    };
    return names_of(blob_features, known);
}

bool Chunk::compressed() const {
    return (flags & chunk_flag::compressed) != 0;
}

std::span<const Chunk> Bootstrap::chunks_of(std::size_t blob) const {
    if (blob >= blobs.size())
        return {};
    return std::span(chunks).subspan(blobs[blob].first_chunk, blobs[blob].chunks);
}

std::span<const Chunk> Bootstrap::chunks_at(std::size_t blob, std::uint64_t offset,
                                            std::uint64_t length) const {
    const std::span<const Chunk> all = chunks_of(blob);
    const std::uint64_t end = length > ~offset ? ~std::uint64_t{0} : offset + length;
    const auto first = std::ranges::upper_bound(all, offset, {}, &Chunk::end);
    const auto last = std::ranges::lower_bound(first, all.end(), end, {}, &Chunk::offset);
    return {first, last};
}

std::string Bootstrap::name(const Chunk& chunk) const {
    return fmt::format("blob {} ({}), chunk {}", chunk.blob + 1,
                       chunk.blob < blobs.size() ? blobs[chunk.blob].id : "", chunk.number);
}

Digest digest_of_chunks(const Bootstrap& bootstrap, std::size_t blob) {
    constexpr std::size_t entry = digest_size + 2 * sizeof(std::uint64_t);
    const std::span<const Chunk> chunks = bootstrap.chunks_of(blob);
    std::vector<std::byte> all(chunks.size() * entry);
    std::byte* to = all.data();
    for (const Chunk& chunk : chunks) {
        const std::uint64_t size = chunk.size;
        std::memcpy(to, chunk.digest.data(), digest_size);
        std::memcpy(to + digest_size, &chunk.offset, sizeof chunk.offset);
        std::memcpy(to + digest_size + sizeof chunk.offset, &size, sizeof size);
        to += entry;
    }
    return digest_of(Digester::sha256, all);
}

bool is_bootstrap(const erofs::Superblock& super) {
    return super.has_compat(erofs::compat::rafs_v6);
}

const char* name(Compressor compressor) {
    switch (compressor) {
    case Compressor::none:
        return "none";
    case Compressor::lz4_block:
        return "lz4_block";
    case Compressor::gzip:
        return "gzip";
    case Compressor::zstd:
        return "zstd";
    }
    return "unknown";
}

} // namespace coldscope::rafs
