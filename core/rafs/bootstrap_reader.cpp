// Reads the tables of a bootstrap, strictly or tolerantly.
#include "core/rafs/bootstrap_reader.h"

#include "core/base/checked.h"
#include "core/rafs/check.h"

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>

#include <fmt/format.h>

namespace coldscope::rafs {

using erofs::Severity;

namespace {

constexpr std::size_t chunks_at_once = 4096; // of the table, in memory
constexpr std::uint64_t part = 64 * 1024;    // bytes of the other tables
constexpr std::uint64_t most_blobs = 65535;  // as many as there can be devices

} // namespace

Result<void> BootstrapReader::say(Severity severity, std::uint64_t offset, std::string structure,
                                  std::string field, std::string message) {
    if (tolerant_ != nullptr)
        tolerant_->add({severity, offset, std::move(structure), std::move(field),
                        std::move(message), make_again});
    else if (severity == Severity::error)
        return failure(Code::corrupt, fmt::format("{}: {}: {}", structure, field, message), offset);
    return {};
}

// size: becomes what there is of the table, in whole entries.
Result<void> BootstrapReader::fit(std::uint64_t offset, std::uint64_t& size, std::uint64_t entry,
                                  std::uint64_t field, const char* name) {
    if (size % entry != 0)
        COLDSCOPE_CHECK(
            say_extension(Severity::error, field, name,
                          fmt::format("a table of {} bytes has entries of {} bytes", size, entry)));
    const std::uint64_t room = file_.size() - std::min(offset, file_.size());
    if (size > room)
        COLDSCOPE_CHECK(say_extension(
            Severity::error, field, name,
            fmt::format("the table of {} bytes at byte {} ends {} bytes behind the bootstrap", size,
                        offset, size - room)));
    size = std::min(size, room) / entry * entry;
    return {};
}

Result<void> BootstrapReader::read_extension() {
    std::array<std::byte, extension_size> bytes;
    if (file_.size() < extension_offset + extension_size)
        return failure(Code::truncated, "the RAFS superblock ends early", file_.size());
    COLDSCOPE_CHECK(file_.read(extension_offset, bytes));
    Cursor at(bytes, extension_offset);
    Extension& it = out_->extension;
    it.flags = at.u64();
    it.blob_table = at.u64();
    it.blob_table_size = at.u32();
    it.chunk_size = at.u32();
    it.chunk_table = at.u64();
    it.chunk_table_size = at.u64();
    it.prefetch_table = at.u64();
    it.prefetch_table_size = at.u32();
    if (it.prefetch_table == 0)
        it.prefetch_table_size = 0; // of older bootstraps without files
    const std::uint64_t compressors = it.flags & (flag::compression_none | flag::compression_lz4 |
                                                  flag::compression_gzip | flag::compression_zstd);
    const std::uint64_t digesters = it.flags & (flag::hash_blake3 | flag::hash_sha256);
    if (std::popcount(compressors) != 1 || std::popcount(digesters) != 1)
        COLDSCOPE_CHECK(say_extension(
            Severity::warning, field::flags, "flags",
            fmt::format("{:#x} names {} compressors and {} digests in place of one each", it.flags,
                        std::popcount(compressors), std::popcount(digesters))));
    if (!std::has_single_bit(it.chunk_size) || it.chunk_size < chunk_alignment ||
        it.chunk_size > max_chunk_size)
        COLDSCOPE_CHECK(say_extension(Severity::error, field::chunk_size, "chunk_size",
                                      fmt::format("chunks can't have {} bytes", it.chunk_size)));
    COLDSCOPE_CHECK(fit(it.blob_table, it.blob_table_size, blob_entry_size, field::blob_table,
                        "blob_table_offset"));
    COLDSCOPE_CHECK(fit(it.chunk_table, it.chunk_table_size, chunk_entry_size, field::chunk_table,
                        "chunk_table_offset"));
    COLDSCOPE_CHECK(fit(it.prefetch_table, it.prefetch_table_size, sizeof(std::uint32_t),
                        field::prefetch_table, "prefetch_table_offset"));
    return check_tables();
}

Result<void> BootstrapReader::read_blobs() {
    const Extension& it = out_->extension;
    std::array<std::byte, blob_entry_size> bytes;
    const std::uint64_t count = it.blob_table_size / blob_entry_size;
    if (count != image_.devices().size())
        COLDSCOPE_CHECK(
            say_extension(Severity::error, field::blob_table + 8, "blob_table_size",
                          fmt::format("{} blobs for {} devices", count, image_.devices().size())));
    for (std::size_t i = 0; i < std::min(count, most_blobs); ++i) {
        const std::uint64_t at = it.blob_table + i * blob_entry_size;
        COLDSCOPE_CHECK(file_.read(at, bytes));
        COLDSCOPE_CHECK(read_blob(i, Cursor(bytes, at)));
    }
    return {};
}

Result<void> BootstrapReader::read_blob(std::size_t index, Cursor at) {
    Blob blob;
    blob.entry_offset = at.offset();
    const auto id = at.bytes(blob_id_size);
    blob.id.assign(reinterpret_cast<const char*>(id.data()), id.size());
    blob.id.resize(std::min(blob.id.size(), blob.id.find('\0')));
    const std::uint32_t stored_index = at.u32();
    blob.chunk_size = at.u32();
    blob.chunk_count = at.u32();
    const std::uint32_t compressor = at.u32();
    const std::uint32_t digester = at.u32();
    blob.features = at.u32();
    blob.stored_size = at.u64();
    blob.size = at.u64();
    at.skip(8); // size of the table of contents, compressor of the chunk information
    blob.meta_offset = at.u64();
    blob.raw = out_->extension.has(flag::tarfs) || (blob.features & feature::tarfs) != 0;
    if (blob.size > max_blob_size) {
        COLDSCOPE_CHECK(say(Severity::error, blob.entry_offset + field::blob_size,
                            fmt::format("blob {}", index + 1), "uncompressed_size",
                            fmt::format("no blob has {} bytes", blob.size)));
        blob.size = 0;
    }
    blob.size = align_up<std::uint64_t>(blob.size, chunk_alignment);
    if (compressor > static_cast<std::uint32_t>(Compressor::zstd))
        blob.obstacle = fmt::format("its compressor {} is not known", compressor);
    else
        blob.compressor = static_cast<Compressor>(compressor);
    if (digester > static_cast<std::uint32_t>(Digester::sha256))
        blob.obstacle = fmt::format("its digests, of kind {}, are not known", digester);
    else
        blob.digester = static_cast<Digester>(digester);
    if ((blob.features & feature::encrypted) != 0)
        blob.obstacle = "its chunks are encrypted";
    else if ((blob.features & feature::zran) != 0)
        blob.obstacle = "its chunks are pieces of one gzip stream (zran)";
    else if ((blob.features & feature::batch) != 0)
        blob.obstacle = "several of its chunks are encoded together (batch)";
    else if ((blob.features & feature::external) != 0)
        blob.obstacle = "its chunks are kept elsewhere (external)";
    else if (blob.chunk_count != 0 && out_->extension.chunk_table_size == 0)
        blob.obstacle = "the bootstrap has no table of its chunks";
    out_->blobs.push_back(std::move(blob));
    COLDSCOPE_CHECK(check_blob(index, stored_index));
    return {};
}

Result<void> BootstrapReader::read_chunks() {
    const Extension& it = out_->extension;
    const std::uint64_t count = it.chunk_table_size / chunk_entry_size;
    if (count > ~std::uint32_t{0})
        return failure(Code::unsupported, fmt::format("a table of {} chunks", count),
                       it.chunk_table);
    out_->chunks.reserve(count);
    std::vector<std::byte> bytes;
    for (std::uint64_t done = 0; done < count;) {
        const std::uint64_t now = std::min<std::uint64_t>(count - done, chunks_at_once);
        bytes.resize(now * chunk_entry_size);
        COLDSCOPE_CHECK(file_.read(it.chunk_table + done * chunk_entry_size, bytes));
        Cursor at(bytes, it.chunk_table + done * chunk_entry_size);
        for (; at.left() != 0; ++done) {
            Chunk chunk;
            const auto digest = at.bytes(digest_size);
            std::ranges::copy(digest, chunk.digest.begin());
            chunk.blob = at.u32();
            chunk.flags = at.u32();
            chunk.stored_size = at.u32();
            chunk.size = at.u32();
            chunk.stored_offset = at.u64();
            chunk.offset = at.u64();
            at.skip(8); // where it is in some file
            chunk.number = at.u32();
            at.skip(4); // crc32
            chunk.entry = static_cast<std::uint32_t>(done);
            if (chunk.blob < out_->blobs.size() && out_->blobs[chunk.blob].raw)
                continue;
            COLDSCOPE_TRY(const bool right, check_chunk(chunk));
            if (right)
                out_->chunks.push_back(chunk);
        }
    }
    return place_chunks();
}

Result<void> BootstrapReader::place_chunks() {
    std::vector<Chunk>& chunks = out_->chunks;
    std::ranges::sort(chunks, {}, [](const Chunk& chunk) {
        return std::tuple(chunk.blob, chunk.offset, chunk.number, chunk.entry);
    });
    const auto same = std::ranges::unique(chunks, [](const Chunk& a, const Chunk& b) {
        return a.blob == b.blob && a.offset == b.offset && a.size == b.size &&
               a.stored_offset == b.stored_offset && a.digest == b.digest;
    });
    chunks.erase(same.begin(), same.end());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        Blob& blob = out_->blobs[chunks[i].blob];
        if (blob.chunks++ == 0)
            blob.first_chunk = i;
        if (i == 0 || chunks[i - 1].blob != chunks[i].blob ||
            chunks[i - 1].end() <= chunks[i].offset)
            continue;
        COLDSCOPE_CHECK(say(Severity::error, out_->entry_offset(chunks[i]) + field::chunk_offset,
                            out_->name(chunks[i]), "uncompressed_offset",
                            fmt::format("its bytes {} to {} overlap those of chunk {} at {} to {}",
                                        chunks[i].offset, chunks[i].end(), chunks[i - 1].number,
                                        chunks[i - 1].offset, chunks[i - 1].end())));
    }
    return {};
}

Result<void> BootstrapReader::read_prefetch() {
    const Extension& it = out_->extension;
    // Each names another inode.
    const std::uint64_t most = file_.size() / erofs::compact_inode_size;
    std::vector<std::byte> bytes;
    for (std::uint64_t done = 0; done < it.prefetch_table_size; done += bytes.size()) {
        bytes.resize(std::min(part, it.prefetch_table_size - done));
        COLDSCOPE_CHECK(file_.read(it.prefetch_table + done, bytes));
        Cursor at(bytes, it.prefetch_table + done);
        while (at.left() != 0) {
            const std::uint32_t nid = at.u32();
            if (nid == 0)
                return {}; // the rest is padding
            if (out_->prefetch.size() == most)
                return say(Severity::error, it.prefetch_table, "prefetch table", {},
                           fmt::format("more than {} entries, for fewer inodes", most));
            out_->prefetch.push_back(nid);
        }
    }
    return {};
}

Result<std::shared_ptr<const Bootstrap>> BootstrapReader::read() {
    COLDSCOPE_CHECK(read_extension());
    COLDSCOPE_CHECK(read_blobs());
    COLDSCOPE_CHECK(read_chunks());
    COLDSCOPE_CHECK(read_prefetch());
    return out_;
}

Result<std::shared_ptr<const Bootstrap>> read_bootstrap(erofs::Image& image,
                                                        erofs::Findings* tolerant) {
    if (!is_bootstrap(image.superblock()))
        return nullptr;
    return BootstrapReader(image, tolerant).read();
}

} // namespace coldscope::rafs
