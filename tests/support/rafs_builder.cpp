#include "tests/support/rafs_builder.h"

#include "core/base/cursor.h"
#include "core/base/hex.h"
#include "tests/support/encoders.h"
#include "tests/support/image_writer.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace coldscope::test {

namespace {

constexpr std::uint64_t slots_at = 1408;                // bytes: the device table
constexpr std::uint64_t mapped_alignment = 512U * 1024; // bytes, of devices' unified addresses

struct Piece {
    rafs::Digest digest{};
    std::uint32_t blob = 0;
    std::uint32_t number = 0;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    std::uint64_t stored_offset = 0;
    std::uint32_t stored_size = 0;
    bool compressed = false;
};

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
    return (value + to - 1) / to * to;
}

void align(Bytes& bytes) {
    bytes.resize(round_up(bytes.size(), 4096));
}

template <typename T>
void append(Bytes& bytes, T value) {
    bytes.resize(bytes.size() + sizeof value);
    put(bytes, bytes.size() - sizeof value, value);
}

Bytes encoded(rafs::Compressor compressor, std::span<const std::byte> bytes) {
    switch (compressor) {
    case rafs::Compressor::lz4_block:
        return encode(codec::Algorithm::lz4, bytes);
    case rafs::Compressor::zstd:
        return encode(codec::Algorithm::zstd, bytes);
    case rafs::Compressor::gzip:
        return encode_gzip(bytes, false);
    case rafs::Compressor::none:
        break;
    }
    return {bytes.begin(), bytes.end()};
}

class RafsWriter {
public:
    explicit RafsWriter(const RafsSpec& spec) : spec_(spec) {}
    [[nodiscard]] BuiltRafs write(const ImageBuilder& image);

private:
    void store(const PlacedChunk& chunk);
    void write_blob_table();
    void write_prefetch();
    void write_chunk_table();
    void write_supers();

    const RafsSpec& spec_;
    BuiltRafs out_;
    std::vector<Piece> pieces_;
    std::vector<std::uint32_t> counts_; // of each blob's chunks
    std::uint64_t prefetch_at_ = 0;
    std::uint32_t prefetch_size_ = 0;
};

void RafsWriter::store(const PlacedChunk& chunk) {
    const auto blob = static_cast<std::uint32_t>(chunk.device - 1);
    Bytes& stored = out_.stored[blob];
    for (std::uint64_t at = 0; at < chunk.length; at += spec_.chunk_size) {
        Piece piece;
        piece.blob = blob;
        piece.number = counts_[blob]++;
        piece.offset = chunk.address + at;
        piece.size = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(spec_.chunk_size, chunk.length - at));
        const auto bytes =
            std::span<const std::byte>(out_.image.blobs[blob]).subspan(piece.offset, piece.size);
        piece.digest = rafs::digest_of(spec_.digester, bytes);
        Bytes form = encoded(spec_.compressor, bytes);
        piece.compressed = form.size() < bytes.size();
        if (!piece.compressed)
            form.assign(bytes.begin(), bytes.end());
        if (spec_.in_place)
            stored.resize(piece.offset);
        piece.stored_offset = stored.size();
        piece.stored_size = static_cast<std::uint32_t>(form.size());
        stored.insert(stored.end(), form.begin(), form.end());
        pieces_.push_back(piece);
    }
}

void RafsWriter::write_blob_table() {
    Bytes& bytes = out_.image.bytes;
    align(bytes);
    out_.blob_table = bytes.size();
    for (std::size_t i = 0; i < out_.stored.size(); ++i) {
        const std::uint64_t entry = bytes.size();
        bytes.resize(entry + rafs::blob_entry_size);
        std::memcpy(bytes.data() + entry, out_.ids[i].data(), out_.ids[i].size());
        put<std::uint32_t>(bytes, entry + 64, static_cast<std::uint32_t>(i));
        put<std::uint32_t>(bytes, entry + 68, spec_.chunk_size);
        put<std::uint32_t>(bytes, entry + 72, counts_[i]);
        put<std::uint32_t>(bytes, entry + 76, static_cast<std::uint32_t>(spec_.compressor));
        put<std::uint32_t>(bytes, entry + 80, static_cast<std::uint32_t>(spec_.digester));
        put<std::uint32_t>(bytes, entry + 84, rafs::feature::aligned);
        put<std::uint64_t>(bytes, entry + 88, out_.stored[i].size());
        put<std::uint64_t>(bytes, entry + 96, out_.image.blobs[i].size());
        put<std::uint64_t>(bytes, entry + 112, out_.stored[i].size());
    }
}

// Right behind the blob table, as Nydus puts it.
void RafsWriter::write_prefetch() {
    Bytes& bytes = out_.image.bytes;
    if (spec_.prefetch.empty())
        return;
    prefetch_at_ = bytes.size();
    for (const std::string& path : spec_.prefetch)
        append(bytes, static_cast<std::uint32_t>(out_.image.nids.at(path)));
    append<std::uint32_t>(bytes, 0);
    prefetch_size_ = static_cast<std::uint32_t>(bytes.size() - prefetch_at_);
}

void RafsWriter::write_chunk_table() {
    Bytes& bytes = out_.image.bytes;
    align(bytes);
    out_.chunk_table = bytes.size();
    out_.chunks = pieces_.size();
    std::ranges::sort(pieces_, {}, &Piece::digest);
    for (const Piece& piece : pieces_) {
        bytes.insert(bytes.end(), piece.digest.begin(), piece.digest.end());
        append<std::uint32_t>(bytes, piece.blob);
        append<std::uint32_t>(bytes, piece.compressed ? rafs::chunk_flag::compressed : 0);
        append<std::uint32_t>(bytes, piece.stored_size);
        append<std::uint32_t>(bytes, piece.size);
        append<std::uint64_t>(bytes, piece.stored_offset);
        append<std::uint64_t>(bytes, piece.offset);
        append<std::uint64_t>(bytes, 0); // where it is in some file
        append<std::uint32_t>(bytes, piece.number);
        append<std::uint32_t>(bytes, 0); // crc32, which the flags don't promise
    }
    align(bytes);
}

void RafsWriter::write_supers() {
    Bytes& bytes = out_.image.bytes;
    std::uint64_t blocks = 0;
    std::uint64_t mapped = bytes.size();
    for (std::size_t i = 0; i < out_.stored.size(); ++i) {
        const std::uint64_t slot = slots_at + i * erofs::device_slot_size;
        mapped = round_up(mapped, mapped_alignment);
        std::memcpy(bytes.data() + slot, out_.ids[i].data(), out_.ids[i].size());
        put<std::uint32_t>(bytes, slot + 68, static_cast<std::uint32_t>(mapped / 4096));
        mapped += out_.image.blobs[i].size();
        blocks += out_.image.blobs[i].size() / 4096;
    }
    put<std::uint32_t>(bytes, erofs::super_offset + 36, static_cast<std::uint32_t>(blocks));
    static constexpr std::array compressors{
        rafs::flag::compression_none, rafs::flag::compression_lz4, rafs::flag::compression_gzip,
        rafs::flag::compression_zstd};
    const std::uint64_t flags =
        compressors[static_cast<std::size_t>(spec_.compressor)] |
        (spec_.digester == rafs::Digester::sha256 ? rafs::flag::hash_sha256
                                                  : rafs::flag::hash_blake3) |
        rafs::flag::explicit_owner | rafs::flag::not_encrypted;
    const std::uint64_t at = rafs::extension_offset;
    put<std::uint64_t>(bytes, at, flags);
    put<std::uint64_t>(bytes, at + 8, out_.blob_table);
    put<std::uint32_t>(bytes, at + 16,
                       static_cast<std::uint32_t>(out_.stored.size() * rafs::blob_entry_size));
    put<std::uint32_t>(bytes, at + 20, spec_.chunk_size);
    put<std::uint64_t>(bytes, at + 24, out_.chunk_table);
    put<std::uint64_t>(bytes, at + 32, pieces_.size() * rafs::chunk_entry_size);
    put<std::uint64_t>(bytes, at + 40, prefetch_at_);
    put<std::uint32_t>(bytes, at + 48, prefetch_size_);
}

BuiltRafs RafsWriter::write(const ImageBuilder& image) {
    out_.image = image.build();
    out_.stored.resize(out_.image.blobs.size());
    counts_.resize(out_.image.blobs.size());
    for (const PlacedChunk& chunk : out_.image.chunks) {
        if (chunk.device != 0)
            store(chunk);
    }
    for (Bytes& stored : out_.stored) {
        if (spec_.in_place)
            align(stored);
        out_.ids.push_back(hex(rafs::digest_of(rafs::Digester::sha256, stored)));
    }
    write_blob_table();
    write_prefetch();
    write_chunk_table();
    write_supers();
    return std::move(out_);
}

} // namespace

std::uint64_t BuiltRafs::entry_of(std::uint32_t number) const {
    for (std::uint64_t i = 0; i < chunks; ++i) {
        const std::uint64_t at = chunk_table + i * rafs::chunk_entry_size;
        if (load_le<std::uint32_t>(image.bytes.data() + at + 32) == 0 &&
            load_le<std::uint32_t>(image.bytes.data() + at + 72) == number)
            return at;
    }
    throw std::runtime_error("there is no such chunk");
}

BuiltRafs build_rafs(ImageBuilder image, const RafsSpec& spec) {
    image.set_rafs(spec.chunk_size);
    return RafsWriter(spec).write(image);
}

std::vector<FileSpec> sample_rafs_files(std::uint32_t chunk_size) {
    std::uint32_t bits = 0;
    while ((std::uint64_t{4096} << bits) < chunk_size)
        ++bits;
    const auto file = [&](std::string path, std::uint16_t device, Bytes data) {
        FileSpec spec;
        spec.path = std::move(path);
        spec.layout = erofs::Layout::chunk_based;
        spec.chunk_bits = bits;
        spec.device = device;
        spec.data = std::move(data);
        spec.deduplicate = true;
        return spec;
    };
    const std::size_t chunk = chunk_size;
    Bytes text;
    for (int i = 0; text.size() < 3 * chunk + 100; ++i) {
        const Bytes line = to_bytes("line " + std::to_string(i) + " of a file that compresses\n");
        text.insert(text.end(), line.begin(), line.end());
    }
    text.resize(3 * chunk + 100);
    Bytes holed(2 * chunk + 17);
    std::ranges::copy(pattern(17, 9), holed.begin() + static_cast<std::ptrdiff_t>(2 * chunk));
    std::vector<FileSpec> files{
        file("/text", 1, text),
        file("/same/text", 1, text),
        file("/random", 1, pattern(chunk + 4097, 1)), // stored as it is
        file("/small", 1, pattern(5, 2)),
        file("/second/text", 2, Bytes(text.begin() + 7, text.end())),
        file("/second/holed", 2, std::move(holed)),
    };
    FileSpec whole = file("/whole", 1, Bytes(text.begin() + 13, text.end()));
    whole.chunk_bits = bits + 2; // one entry for several chunks
    files.push_back(std::move(whole));
    return files;
}

BuiltRafs sample_rafs(const RafsSpec& spec) {
    ImageBuilder image;
    image.add_device("1").add_device("2");
    for (FileSpec& one : sample_rafs_files(spec.chunk_size))
        image.add(std::move(one));
    FileSpec link;
    link.path = "/link";
    link.mode = S_IFLNK | 0777;
    link.data = to_bytes("small");
    image.add(link);
    return build_rafs(std::move(image), spec);
}

} // namespace coldscope::test
