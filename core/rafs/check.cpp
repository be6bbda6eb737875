#include "core/rafs/check.h"

#include "core/erofs/check.h"
#include "core/rafs/decode.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace coldscope::rafs {

namespace {

using erofs::Severity;

constexpr const char* fetch_again = "fetch the blob again, or the bootstrap that belongs to it";

// The first byte of the range that is of no chunk; its end where there is none.
std::uint64_t first_missing(const Bootstrap& bootstrap, std::size_t blob, std::uint64_t begin,
                            std::uint64_t end) {
    for (const Chunk& chunk : bootstrap.chunks_at(blob, begin, end - begin)) {
        if (chunk.offset > begin)
            break;
        begin = std::max(begin, std::min(end, chunk.end()));
    }
    return begin;
}

} // namespace

void check_files(const Bootstrap& bootstrap, erofs::Image& image, const erofs::Index& index,
                 erofs::Findings& findings) {
    const auto maps = index.reverse_maps();
    for (std::size_t blob = 0; blob < bootstrap.blobs.size() && blob + 1 < maps.size(); ++blob) {
        if (bootstrap.blobs[blob].raw)
            continue;
        for (const erofs::ReverseExtent& extent : maps[blob + 1].extents()) {
            const std::uint64_t end = extent.address + extent.length;
            const std::uint64_t missing = first_missing(bootstrap, blob, extent.address, end);
            if (missing == end)
                continue;
            findings.add({Severity::error, bootstrap.extension.chunk_table,
                          fmt::format("blob {}", blob + 1), "chunk table",
                          fmt::format("no chunk has byte {}, which is byte {} of {}", missing,
                                      extent.file_offset + (missing - extent.address),
                                      index.path(extent.node)),
                          make_again});
        }
    }
    for (std::size_t i = 0; i < bootstrap.prefetch.size(); ++i) {
        if (const auto inode = image.inode(bootstrap.prefetch[i]); !inode)
            findings.add(
                {Severity::warning, bootstrap.extension.prefetch_table + i * sizeof(std::uint32_t),
                 "prefetch table", fmt::format("entry {}", i),
                 fmt::format("{}: {}", bootstrap.prefetch[i], inode.error().context), make_again});
    }
}

void check_blob_size(const Bootstrap& bootstrap, std::size_t blob, std::uint64_t stored_size,
                     const std::string& name, erofs::Findings& findings) {
    const std::span<const Chunk> chunks = bootstrap.chunks_of(blob);
    std::vector<std::uint32_t> order(chunks.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = static_cast<std::uint32_t>(i);
    std::ranges::sort(order, {}, [&](std::uint32_t i) { return chunks[i].stored_offset; });
    const Chunk* before = nullptr; // the one that ends last
    for (const std::uint32_t i : order) {
        const Chunk& chunk = chunks[i];
        const std::uint64_t entry = bootstrap.entry_offset(chunk) + field::chunk_stored_offset;
        if (chunk.stored_end() > stored_size)
            findings.add({Severity::error, entry, bootstrap.name(chunk), "compressed_offset",
                          fmt::format("\"{}\" has {} bytes, but the chunk lies at {} to {}", name,
                                      stored_size, chunk.stored_offset, chunk.stored_end()),
                          "it is truncated or another blob: fetch it again"});
        if (before != nullptr && before->stored_end() > chunk.stored_offset)
            findings.add({Severity::warning, entry, bootstrap.name(chunk), "compressed_offset",
                          fmt::format("its bytes {} to {} overlap those of chunk {} at {} to {}",
                                      chunk.stored_offset, chunk.stored_end(), before->number,
                                      before->stored_offset, before->stored_end()),
                          make_again});
        if (before == nullptr || chunk.stored_end() > before->stored_end())
            before = &chunk;
    }
}

void check_chunks(const std::shared_ptr<const Bootstrap>& bootstrap, std::size_t blob,
                  ReadAt& stored, const std::string& name, erofs::Findings& findings) {
    const Blob& known = bootstrap->blobs[blob];
    if (known.raw || !known.obstacle.empty()) {
        findings.add({Severity::note,
                      known.entry_offset,
                      fmt::format("blob {}", blob + 1),
                      {},
                      fmt::format("\"{}\": its digests were not checked: {}", name,
                                  known.raw ? "it is a tar file without any" : known.obstacle),
                      {}});
        return;
    }
    std::vector<std::byte> in;
    std::vector<std::byte> out;
    for (const Chunk& chunk : bootstrap->chunks_of(blob)) {
        if (chunk.stored_end() > stored.size())
            continue; // check_blob_size() says so
        in.resize(chunk.stored_size);
        out.resize(chunk.size);
        auto done = stored.read(chunk.stored_offset, in);
        if (done)
            done = decode_chunk(*bootstrap, chunk, in, out);
        if (!done)
            findings.add({Severity::error,
                          chunk.stored_offset,
                          fmt::format("\"{}\"", name),
                          {},
                          done.error().context,
                          fetch_again});
    }
}

void check_bootstrap(erofs::CheckedImage& checked, std::span<const StoredBlob> blobs, bool decode,
                     erofs::Findings& findings) {
    erofs::Image& image = *checked.image;
    const auto read = read_bootstrap(image, &findings);
    if (!read) {
        findings.add(read.error(), "RAFS superblock", make_again);
        return;
    }
    const Bootstrap& bootstrap = **read;
    const std::optional<erofs::Index>& index = checked.index;
    if (index)
        check_files(bootstrap, image, *index, findings);
    std::vector<std::optional<erofs::GivenBlob>> given;
    for (std::size_t i = 0; i < blobs.size(); ++i) {
        given.emplace_back();
        if (blobs[i].bytes == nullptr)
            continue;
        std::uint64_t size = blobs[i].bytes->size();
        if (i < bootstrap.blobs.size()) {
            check_blob_size(bootstrap, i, size, blobs[i].name, findings);
            if (decode)
                check_chunks(*read, i, *blobs[i].bytes, blobs[i].name, findings);
            if (!bootstrap.blobs[i].raw)
                size = bootstrap.blobs[i].size;
        }
        given.back() = erofs::GivenBlob{blobs[i].name, size};
    }
    erofs::check_blobs(image, given, findings, index ? &*index : nullptr, erofs::Missing::note);
}

} // namespace coldscope::rafs
