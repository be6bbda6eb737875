#include "daemon/cli/rafs_text.h"

#include "core/base/hex.h"
#include "core/rafs/check.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coldscope::cli {

namespace {

// The part of a chunk that an extent has.
struct Part {
    const rafs::Chunk* chunk;
    std::uint64_t offset; // bytes in the file
    std::uint64_t length;
};

std::vector<Part> parts_of(const rafs::Bootstrap* bootstrap, const erofs::Extent& extent) {
    std::vector<Part> parts;
    if (bootstrap == nullptr || extent.kind != erofs::ExtentKind::data || extent.device == 0)
        return parts;
    for (const rafs::Chunk& chunk :
         bootstrap->chunks_at(extent.device - 1U, extent.address, extent.length)) {
        const std::uint64_t begin = std::max(chunk.offset, extent.address);
        const std::uint64_t end = std::min(chunk.end(), extent.address + extent.length);
        parts.push_back({&chunk, extent.offset + (begin - extent.address), end - begin});
    }
    return parts;
}

nlohmann::json table_json(std::uint64_t offset, std::uint64_t size) {
    return {{"offset", offset}, {"size", size}};
}

} // namespace

nlohmann::json rafs_json(const rafs::Bootstrap& bootstrap) {
    const rafs::Extension& super = bootstrap.extension;
    nlohmann::json blobs = nlohmann::json::array();
    for (std::size_t i = 0; i < bootstrap.blobs.size(); ++i) {
        const rafs::Blob& blob = bootstrap.blobs[i];
        nlohmann::json item{{"device", i + 1},
                            {"compressor", rafs::name(blob.compressor)},
                            {"digester", rafs::name(blob.digester)},
                            {"features", rafs::feature_names(blob.features)},
                            {"chunk_size", blob.chunk_size},
                            {"chunk_count", blob.chunk_count},
                            {"chunks_here", blob.chunks},
                            {"stored_size", blob.stored_size},
                            {"size", blob.size},
                            {"meta_offset", blob.meta_offset},
                            {"entry_offset", blob.entry_offset},
                            {"obstacle", nullptr}};
        if (!blob.obstacle.empty())
            item["obstacle"] = blob.obstacle;
        set_text(item, "id", blob.id);
        blobs.push_back(std::move(item));
    }
    return {{"flags", super.flag_names()},
            {"chunk_size", super.chunk_size},
            {"chunks", bootstrap.chunks.size()},
            {"blob_table", table_json(super.blob_table, super.blob_table_size)},
            {"chunk_table", table_json(super.chunk_table, super.chunk_table_size)},
            {"prefetch_table", table_json(super.prefetch_table, super.prefetch_table_size)},
            {"prefetch", bootstrap.prefetch},
            {"blobs", std::move(blobs)}};
}

void print_rafs(const rafs::Bootstrap& bootstrap, Output& output) {
    const auto row = [&output](const std::string& label, const std::string& value) {
        output.line(fmt::format("{:<22} {}", label, value));
    };
    const rafs::Extension& super = bootstrap.extension;
    row("RAFS v6", fmt::format("{}", fmt::join(super.flag_names(), ", ")));
    row("Chunks", fmt::format("{} of at most {} bytes, table at byte {}", bootstrap.chunks.size(),
                              super.chunk_size, super.chunk_table));
    if (!bootstrap.prefetch.empty())
        row("Prefetch", fmt::format("{} inodes, table at byte {}: {}", bootstrap.prefetch.size(),
                                    super.prefetch_table, fmt::join(bootstrap.prefetch, ", ")));
    for (std::size_t i = 0; i < bootstrap.blobs.size(); ++i) {
        const rafs::Blob& blob = bootstrap.blobs[i];
        row(fmt::format("Blob {}", i + 1),
            fmt::format("{}, {}, {}, {} of its {} chunks here, {} bytes stored, {} decoded{}",
                        printable(blob.id), rafs::name(blob.compressor), rafs::name(blob.digester),
                        blob.chunks, blob.chunk_count, blob.stored_size, blob.size,
                        blob.obstacle.empty()
                            ? std::string()
                            : fmt::format("; can't be decoded here: {}", blob.obstacle)));
    }
}

nlohmann::json chunks_json(const rafs::Bootstrap* bootstrap, const erofs::Extent& extent) {
    nlohmann::json list = nlohmann::json::array();
    for (const Part& part : parts_of(bootstrap, extent))
        list.push_back({{"offset", part.offset},
                        {"length", part.length},
                        {"blob", part.chunk->blob + 1},
                        {"chunk", part.chunk->number},
                        {"device_offset", part.chunk->offset},
                        {"size", part.chunk->size},
                        {"stored_offset", part.chunk->stored_offset},
                        {"stored_size", part.chunk->stored_size},
                        {"compressed", part.chunk->compressed()},
                        {"digest", hex(part.chunk->digest)}});
    return list;
}

std::vector<std::string> chunk_lines(const rafs::Bootstrap* bootstrap,
                                     const erofs::Extent& extent) {
    std::vector<std::string> lines;
    for (const Part& part : parts_of(bootstrap, extent))
        lines.push_back(fmt::format("{:>16} {:>16}  chunk {} of blob {}: {} bytes at {} of the "
                                    "blob, {} at {} decoded, {}",
                                    part.offset, part.length, part.chunk->number,
                                    part.chunk->blob + 1, part.chunk->stored_size,
                                    part.chunk->stored_offset, part.chunk->size, part.chunk->offset,
                                    hex(part.chunk->digest)));
    return lines;
}

void check_rafs(erofs::CheckedImage& checked, const std::vector<std::string>& blobs, bool decode,
                erofs::Findings& findings) {
    std::vector<rafs::StoredBlob> stored;
    for (const std::string& path : blobs) {
        stored.push_back({path, nullptr});
        if (path.empty())
            continue;
        if (auto file = FileReadAt::open(path))
            stored.back().bytes = std::move(*file);
        else
            findings.add(file.error(), fmt::format("blob {}", path),
                         "give a file that can be read");
    }
    rafs::check_bootstrap(checked, stored, decode, findings);
}

} // namespace coldscope::cli
