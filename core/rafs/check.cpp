#include "core/rafs/check.h"

#include "core/base/checked.h"
#include "core/base/range_set.h"
#include "core/erofs/check.h"
#include "core/rafs/decode.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

namespace coldscope::rafs {

namespace {

using erofs::Severity;

// How much may be decoded of a blob: bytes, and times what is stored.
constexpr std::uint64_t spare_decoded = std::uint64_t{1} << 30;
constexpr std::uint64_t most_decoded = 4096;
constexpr const char* fetch_again = "fetch the blob again, or the bootstrap that belongs to it";

// What the chunks of a blob cover: sorted, and apart from each other.
std::vector<Range> covered_by_chunks(const Bootstrap& bootstrap, std::size_t blob) {
    std::vector<Range> covered;
    for (const Chunk& chunk : bootstrap.chunks_of(blob)) {
        if (!covered.empty() && chunk.offset <= covered.back().end)
            covered.back().end = std::max(covered.back().end, chunk.end());
        else
            covered.push_back({chunk.offset, chunk.end()});
    }
    return covered;
}

// The first byte of the range that is of no chunk; its end where there is none.
std::uint64_t first_missing(std::span<const Range> covered, std::uint64_t begin,
                            std::uint64_t end) {
    const auto behind = std::ranges::upper_bound(covered, begin, {}, &Range::begin);
    if (behind == covered.begin())
        return begin;
    return std::max(begin, std::min(end, std::prev(behind)->end));
}

// The end alone of a long one.
std::string path_of(const erofs::Index& index, erofs::NodeId node) {
    constexpr std::size_t longest = 200; // bytes
    std::string path = index.path(node);
    if (path.size() > longest)
        path.replace(0, path.size() - longest, "...");
    return path;
}

} // namespace

void check_files(const Bootstrap& bootstrap, erofs::Image& image, const erofs::Index& index,
                 erofs::Findings& findings) {
    const auto maps = index.reverse_maps();
    for (std::size_t blob = 0; blob < bootstrap.blobs.size() && blob + 1 < maps.size(); ++blob) {
        if (bootstrap.blobs[blob].raw)
            continue;
        const std::vector<Range> covered = covered_by_chunks(bootstrap, blob);
        for (const erofs::ReverseExtent& extent : maps[blob + 1].extents()) {
            const std::uint64_t end = extent.address + extent.length;
            const std::uint64_t missing = first_missing(covered, extent.address, end);
            if (missing == end)
                continue;
            if (findings.full()) {
                findings.count(Severity::error);
                continue;
            }
            findings.add({Severity::error, bootstrap.extension.chunk_table,
                          fmt::format("blob {}", blob + 1), "chunk table",
                          fmt::format("no chunk has byte {}, which is byte {} of {}", missing,
                                      extent.file_offset + (missing - extent.address),
                                      path_of(index, extent.node)),
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
    // Chunks that don't share their stored bytes have no more of them than the blob.
    std::uint64_t stored_left = checked_mul<std::uint64_t>(stored.size(), 2).value_or(0);
    std::uint64_t decoded_left =
        spare_decoded + checked_mul<std::uint64_t>(stored.size(), most_decoded).value_or(0);
    for (const Chunk& chunk : bootstrap->chunks_of(blob)) {
        if (chunk.stored_end() > stored.size())
            continue; // check_blob_size() says so
        if (chunk.stored_size > stored_left || chunk.size > decoded_left) {
            // Bytes that compress so well are rare, not wrong.
            const bool wrong = chunk.stored_size > stored_left;
            findings.add(
                {wrong ? Severity::error : Severity::warning,
                 chunk.stored_offset,
                 fmt::format("\"{}\"", name),
                 {},
                 fmt::format("its digests were checked up to {}: the chunks have more "
                             "bytes than {}",
                             bootstrap->name(chunk),
                             wrong ? "there can be" : "are decoded for a blob of its size"),
                 wrong ? make_again : ""});
            return;
        }
        stored_left -= chunk.stored_size;
        decoded_left -= chunk.size;
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
