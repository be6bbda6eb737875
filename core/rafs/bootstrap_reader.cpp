// Reads the tables of a bootstrap, strictly or tolerantly.
#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/rafs/bootstrap.h"
#include "core/rafs/check.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include <fmt/format.h>

namespace coldscope::rafs {

namespace {

using erofs::Severity;

constexpr std::size_t chunks_at_once = 4096; // of the table, in memory

class Reader {
public:
    Reader(erofs::Image& image, erofs::Findings* tolerant)
        : image_(image), file_(image.primary()), tolerant_(tolerant) {}
    [[nodiscard]] Result<std::shared_ptr<const Bootstrap>> read();

private:
    [[nodiscard]] Result<void> say(Severity severity, std::uint64_t offset, std::string structure,
                                   std::string field, std::string message);
    [[nodiscard]] Result<void> say_extension(Severity severity, std::uint64_t field,
                                             const char* name, std::string message) {
        return say(severity, extension_offset + field, "RAFS superblock", name, std::move(message));
    }
    [[nodiscard]] Result<void> read_extension();
    [[nodiscard]] Result<void> fit(std::uint64_t offset, std::uint64_t& size, std::uint64_t entry,
                                   std::uint64_t field, const char* name);
    [[nodiscard]] Result<void> check_tables();
    [[nodiscard]] Result<void> read_blobs();
    [[nodiscard]] Result<void> read_blob(std::size_t index, Cursor at);
    [[nodiscard]] Result<void> check_blob(std::size_t index, std::uint32_t stored_index);
    [[nodiscard]] Result<void> read_chunks();
    // Whether the chunk may be kept.
    [[nodiscard]] Result<bool> check_chunk(const Chunk& chunk);
    [[nodiscard]] Result<void> place_chunks();
    [[nodiscard]] Result<void> read_prefetch();

    erofs::Image& image_;
    ReadAt& file_;
    erofs::Findings* tolerant_;
    std::shared_ptr<Bootstrap> out_ = std::make_shared<Bootstrap>();
};

Result<void> Reader::say(Severity severity, std::uint64_t offset, std::string structure,
                         std::string field, std::string message) {
    if (tolerant_ != nullptr)
        tolerant_->add({severity, offset, std::move(structure), std::move(field),
                        std::move(message), make_again});
    else if (severity == Severity::error)
        return failure(Code::corrupt, fmt::format("{}: {}: {}", structure, field, message), offset);
    return {};
}

// size: becomes what there is of the table, in whole entries.
Result<void> Reader::fit(std::uint64_t offset, std::uint64_t& size, std::uint64_t entry,
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

Result<void> Reader::read_extension() {
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

Result<void> Reader::check_tables() {
    const Extension& it = out_->extension;
    struct Table {
        const char* name;
        std::uint64_t offset;
        std::uint64_t size;
        std::uint64_t field;
        std::uint64_t alignment;
    };
    const std::array tables{
        Table{"blob_table_offset", it.blob_table, it.blob_table_size, field::blob_table,
              chunk_alignment},
        Table{"chunk_table_offset", it.chunk_table, it.chunk_table_size, field::chunk_table,
              chunk_alignment},
        Table{"prefetch_table_offset", it.prefetch_table, it.prefetch_table_size,
              field::prefetch_table, 1},
    };
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const Table& table = tables[i];
        if (table.size == 0)
            continue;
        if (table.offset < chunk_alignment || table.offset % table.alignment != 0)
            COLDSCOPE_CHECK(
                say_extension(table.offset < extension_offset + extension_size ? Severity::error
                                                                               : Severity::warning,
                              table.field, table.name,
                              fmt::format("Nydus has no such table at byte {}", table.offset)));
        for (std::size_t other = 0; other < i; ++other) {
            const Table& before = tables[other];
            if (before.size != 0 && table.offset < before.offset + before.size &&
                before.offset < table.offset + table.size)
                COLDSCOPE_CHECK(say_extension(
                    Severity::error, table.field, table.name,
                    fmt::format("the table at bytes {} to {} overlaps that of {} at {} to {}",
                                table.offset, table.offset + table.size, before.name, before.offset,
                                before.offset + before.size)));
        }
    }
    return {};
}

Result<void> Reader::read_blobs() {
    const Extension& it = out_->extension;
    std::vector<std::byte> bytes(it.blob_table_size);
    COLDSCOPE_CHECK(file_.read(it.blob_table, bytes));
    const std::size_t count = bytes.size() / blob_entry_size;
    if (count != image_.devices().size())
        COLDSCOPE_CHECK(
            say_extension(Severity::error, field::blob_table + 8, "blob_table_size",
                          fmt::format("{} blobs for {} devices", count, image_.devices().size())));
    for (std::size_t i = 0; i < count; ++i)
        COLDSCOPE_CHECK(
            read_blob(i, Cursor(std::span(bytes).subspan(i * blob_entry_size, blob_entry_size),
                                it.blob_table + i * blob_entry_size)));
    return {};
}

Result<void> Reader::read_blob(std::size_t index, Cursor at) {
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

Result<void> Reader::check_blob(std::size_t index, std::uint32_t stored_index) {
    const Blob& blob = out_->blobs[index];
    const std::string structure = fmt::format("blob {}", index + 1);
    const auto wrong = [&](Severity severity, std::uint64_t field, const char* name,
                           std::string message) {
        return say(severity, blob.entry_offset + field, structure, name, std::move(message));
    };
    if (stored_index != index)
        COLDSCOPE_CHECK(wrong(Severity::error, field::blob_index, "blob_index",
                              fmt::format("{} in place of {}", stored_index, index)));
    if (blob.chunk_size != out_->extension.chunk_size)
        COLDSCOPE_CHECK(wrong(Severity::warning, field::blob_chunk_size, "chunk_size",
                              fmt::format("{} bytes, but {} in the superblock", blob.chunk_size,
                                          out_->extension.chunk_size)));
    if (blob.chunk_count > max_chunks)
        COLDSCOPE_CHECK(wrong(Severity::error, field::blob_chunk_count, "chunk_count",
                              fmt::format("no blob has {} chunks", blob.chunk_count)));
    if (!blob.raw && !blob.obstacle.empty())
        COLDSCOPE_CHECK(wrong(Severity::warning, field::blob_features, "features",
                              fmt::format("it can't be decoded here: {}", blob.obstacle)));
    if (index >= image_.devices().size())
        return {};
    const erofs::Device& device = image_.devices()[index];
    if (device.tag != blob.id)
        COLDSCOPE_CHECK(wrong(Severity::error, 0, "blob_id",
                              fmt::format("\"{}\", but the tag of device {} is \"{}\"", blob.id,
                                          index + 1, device.tag)));
    const std::uint64_t blocks = blob.size / image_.superblock().block_size();
    if (!blob.raw && device.blocks != blocks)
        COLDSCOPE_CHECK(wrong(
            Severity::warning, field::blob_size, "uncompressed_size",
            fmt::format("{} blocks, but device {} has {}", blocks, index + 1, device.blocks)));
    if (blob.raw)
        out_->blobs[index].size =
            checked_mul<std::uint64_t>(device.blocks, image_.superblock().block_size()).value_or(0);
    return {};
}

Result<bool> Reader::check_chunk(const Chunk& chunk) {
    const std::uint64_t entry = out_->entry_offset(chunk);
    const auto wrong = [&](std::uint64_t field, const char* name,
                           std::string message) -> Result<bool> {
        COLDSCOPE_CHECK(
            say(Severity::error, entry + field, out_->name(chunk), name, std::move(message)));
        return false;
    };
    if (chunk.blob >= out_->blobs.size()) {
        COLDSCOPE_CHECK(
            say(Severity::error, entry + field::chunk_blob,
                fmt::format("chunk entry {}", chunk.entry), "blob_index",
                fmt::format("blob {} of {}", chunk.blob + std::uint64_t{1}, out_->blobs.size())));
        return false;
    }
    const Blob& blob = out_->blobs[chunk.blob];
    if (chunk.size == 0 || chunk.size > max_chunk_size)
        return wrong(field::chunk_decoded_size, "uncompressed_size",
                     fmt::format("no chunk has {} bytes", chunk.size));
    if (chunk.stored_size == 0 || chunk.stored_size > max_stored_size)
        return wrong(field::chunk_stored_size, "compressed_size",
                     fmt::format("no chunk is stored in {} bytes", chunk.stored_size));
    if (!chunk.compressed() && chunk.stored_size != chunk.size)
        return wrong(field::chunk_stored_size, "compressed_size",
                     fmt::format("{} bytes, though it is not compressed and has {}",
                                 chunk.stored_size, chunk.size));
    if (chunk.compressed() && blob.compressor == Compressor::none && blob.obstacle.empty())
        return wrong(field::chunk_flags, "flags", "compressed, in a blob without a compressor");
    if ((chunk.flags & (chunk_flag::encrypted | chunk_flag::batch)) != 0 && blob.obstacle.empty())
        return wrong(field::chunk_flags, "flags",
                     "encrypted or in a batch, in a blob that is neither");
    if (!checked_add<std::uint64_t>(chunk.stored_offset, chunk.stored_size))
        return wrong(field::chunk_stored_offset, "compressed_offset",
                     fmt::format("{}: it wraps around", chunk.stored_offset));
    if (chunk.offset > blob.size || chunk.size > blob.size - chunk.offset)
        return wrong(field::chunk_offset, "uncompressed_offset",
                     fmt::format("its {} bytes at {} end behind the blob, which has {}", chunk.size,
                                 chunk.offset, blob.size));
    if (chunk.offset % chunk_alignment != 0)
        return wrong(field::chunk_offset, "uncompressed_offset",
                     fmt::format("{} is no multiple of {}", chunk.offset, chunk_alignment));
    if (chunk.number >= blob.chunk_count)
        COLDSCOPE_CHECK(say(Severity::warning, entry + field::chunk_number, out_->name(chunk),
                            "index", fmt::format("the blob has {} chunks", blob.chunk_count)));
    return true;
}

Result<void> Reader::read_chunks() {
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

Result<void> Reader::place_chunks() {
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

Result<void> Reader::read_prefetch() {
    const Extension& it = out_->extension;
    std::vector<std::byte> bytes(it.prefetch_table_size);
    COLDSCOPE_CHECK(file_.read(it.prefetch_table, bytes));
    Cursor at(bytes, it.prefetch_table);
    while (at.left() != 0) {
        const std::uint32_t nid = at.u32();
        if (nid == 0)
            break; // the rest is padding
        out_->prefetch.push_back(nid);
    }
    return {};
}

Result<std::shared_ptr<const Bootstrap>> Reader::read() {
    COLDSCOPE_CHECK(read_extension());
    COLDSCOPE_CHECK(read_blobs());
    COLDSCOPE_CHECK(read_chunks());
    COLDSCOPE_CHECK(read_prefetch());
    return out_;
}

} // namespace

Result<std::shared_ptr<const Bootstrap>> read_bootstrap(erofs::Image& image,
                                                        erofs::Findings* tolerant) {
    if (!is_bootstrap(image.superblock()))
        return nullptr;
    return Reader(image, tolerant).read();
}

} // namespace coldscope::rafs
