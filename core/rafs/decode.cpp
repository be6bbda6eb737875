#include "core/rafs/decode.h"

#include "core/base/hex.h"
#include "core/codec/codec.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace coldscope::rafs {

namespace {

Result<void> decoded(Compressor compressor, std::span<const std::byte> stored,
                     std::span<std::byte> into) {
    const codec::DecodeOptions whole{codec::Padding::none, false};
    switch (compressor) {
    case Compressor::lz4_block:
        return codec::decode(codec::Algorithm::lz4, stored, into, whole);
    case Compressor::zstd:
        return codec::decode(codec::Algorithm::zstd, stored, into, whole);
    case Compressor::gzip:
        return codec::decode_gzip(stored, into);
    case Compressor::none:
        break;
    }
    return failure(Code::corrupt, "compressed, in a blob without a compressor");
}

} // namespace

Result<void> decode_chunk(const Bootstrap& bootstrap, const Chunk& chunk,
                          std::span<const std::byte> stored, std::span<std::byte> into) {
    const auto wrong = [&](Code code, const std::string& what) {
        return failure(code, fmt::format("{}: {}", bootstrap.name(chunk), what),
                       chunk.stored_offset);
    };
    const Blob& blob = bootstrap.blobs[chunk.blob];
    if (!blob.obstacle.empty())
        return wrong(Code::unsupported, blob.obstacle);
    if (stored.size() != chunk.stored_size || into.size() != chunk.size)
        return wrong(Code::invalid, "not all of its bytes");
    if (!chunk.compressed()) {
        std::ranges::copy(stored, into.begin());
    } else if (const auto done = decoded(blob.compressor, stored, into); !done) {
        return wrong(done.error().code,
                     fmt::format("its {} bytes at byte {} of the blob can't be decoded: {}",
                                 chunk.stored_size, chunk.stored_offset, done.error().context));
    }
    const Digest digest = digest_of(blob.digester, into);
    if (digest != chunk.digest)
        return wrong(Code::mismatch, fmt::format("wrong digest: {} in place of {} {}", hex(digest),
                                                 name(blob.digester), hex(chunk.digest)));
    return {};
}

void copy_part(const Chunk& chunk, std::span<const std::byte> decoded, std::uint64_t offset,
               std::span<std::byte> into) {
    const std::uint64_t begin = std::max(offset, chunk.offset);
    const std::uint64_t end = std::min(offset + into.size(), chunk.end());
    if (begin < end)
        std::memcpy(into.data() + (begin - offset), decoded.data() + (begin - chunk.offset),
                    end - begin);
}

RecentChunks::Bytes RecentChunks::find(const Chunk& chunk) {
    const auto at = by_offset_.find(chunk.offset);
    if (at == by_offset_.end() || at->second->bytes->size() != chunk.size)
        return nullptr;
    entries_.splice(entries_.begin(), entries_, at->second);
    return at->second->bytes;
}

void RecentChunks::keep(const Chunk& chunk, Bytes decoded) {
    if (const auto at = by_offset_.find(chunk.offset); at != by_offset_.end()) {
        bytes_ -= at->second->bytes->size();
        entries_.erase(at->second);
        by_offset_.erase(at);
    }
    bytes_ += decoded->size();
    entries_.push_front({chunk.offset, std::move(decoded)});
    by_offset_[chunk.offset] = entries_.begin();
    while (bytes_ > most_bytes && entries_.size() > 1) {
        bytes_ -= entries_.back().bytes->size();
        by_offset_.erase(entries_.back().offset);
        entries_.pop_back();
    }
}

} // namespace coldscope::rafs
