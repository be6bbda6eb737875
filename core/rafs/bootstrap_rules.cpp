// What the tables of a bootstrap must say, and what can't be: see BootstrapReader.
#include "core/base/checked.h"
#include "core/rafs/bootstrap_reader.h"

#include <array>

#include <fmt/format.h>

namespace coldscope::rafs {

using erofs::Severity;

Result<void> BootstrapReader::check_tables() {
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

Result<void> BootstrapReader::check_blob(std::size_t index, std::uint32_t stored_index) {
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

Result<bool> BootstrapReader::check_chunk(const Chunk& chunk) {
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
    // Bounds what is read for a range: what would not shrink is plain.
    if (chunk.stored_size > chunk.size && blob.obstacle.empty())
        return wrong(field::chunk_stored_size, "compressed_size",
                     fmt::format("stored in {} bytes, more than the {} that it has",
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

} // namespace coldscope::rafs
