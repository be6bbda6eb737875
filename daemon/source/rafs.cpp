#include "daemon/source/rafs.h"

#include "core/base/hex.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace coldscope {

Result<std::unique_ptr<RafsSource>>
RafsSource::make(Ring& ring, Workers& workers, std::shared_ptr<const rafs::Bootstrap> bootstrap,
                 std::size_t blob, std::unique_ptr<Source> stored) {
    const std::uint64_t size = stored->size();
    for (const rafs::Chunk& chunk : bootstrap->chunks_of(blob)) {
        if (chunk.stored_end() > size)
            return failure(Code::truncated,
                           fmt::format("{} has {} bytes, but {} lies at {} to {}", stored->name(),
                                       size, bootstrap->name(chunk), chunk.stored_offset,
                                       chunk.stored_end()),
                           size);
    }
    const rafs::Digest digest = rafs::digest_of_chunks(*bootstrap, blob);
    std::unique_ptr<RafsSource> source(
        new RafsSource(ring, workers, std::move(bootstrap), blob, std::move(stored)));
    source->chunks_digest_ = hex(digest);
    return source;
}

std::string RafsSource::identity() const {
    return fmt::format("rafs:{}:{}", chunks_digest_, stored_->identity());
}

bool RafsSource::try_fetch(std::uint64_t offset, std::span<std::byte> into) {
    const auto chunks = bootstrap_->chunks_at(blob_, offset, into.size());
    std::vector<rafs::RecentChunks::Bytes> decoded;
    for (const rafs::Chunk& chunk : chunks) {
        decoded.push_back(recent_.find(chunk));
        if (decoded.back() == nullptr)
            return false;
    }
    std::ranges::fill(into, std::byte{});
    for (std::size_t i = 0; i < chunks.size(); ++i)
        rafs::copy_part(chunks[i], *decoded[i], offset, into);
    return true;
}

void RafsSource::fetch(std::uint64_t offset, std::span<std::byte> into, Done done) {
    std::ranges::fill(into, std::byte{});
    const auto fetch = std::make_shared<Fetch>(Fetch{offset, into, std::move(done)});
    // One more than the chunks, so that none that comes at once ends the fetch in this call.
    fetch->pending = 1;
    for (const rafs::Chunk& chunk : bootstrap_->chunks_at(blob_, offset, into.size())) {
        if (const auto known = recent_.find(chunk)) {
            rafs::copy_part(chunk, *known, offset, into);
            continue;
        }
        ++fetch->pending;
        const auto [loading, is_new] = loading_.try_emplace(chunk.offset);
        loading->second.push_back(fetch);
        if (is_new)
            load(chunk);
    }
    if (--fetch->pending == 0)
        ring_.after(0, [alive = std::weak_ptr(alive_), fetch] {
            if (!alive.expired())
                fetch->done({});
        });
}

void RafsSource::load(const rafs::Chunk& chunk) {
    const auto encoded = std::make_shared<Bytes>(chunk.stored_size);
    if (stored_->try_fetch(chunk.stored_offset, *encoded)) {
        decode(chunk, encoded);
        return;
    }
    stored_->fetch(chunk.stored_offset, *encoded, [this, &chunk, encoded](Result<void> outcome) {
        if (outcome) {
            decode(chunk, encoded);
            return;
        }
        outcome.error().context =
            fmt::format("{}: {}", bootstrap_->name(chunk), outcome.error().context);
        loaded(chunk, std::unexpected(std::move(outcome).error()));
    });
}

void RafsSource::decode(const rafs::Chunk& chunk, std::shared_ptr<const Bytes> encoded) {
    struct Work {
        std::shared_ptr<const rafs::Bootstrap> bootstrap; // chunk is its
        std::shared_ptr<const Bytes> encoded;
        std::shared_ptr<Bytes> decoded;
        Result<void> outcome;
    };
    const auto work = std::make_shared<Work>(Work{bootstrap_, std::move(encoded), nullptr, {}});
    workers_.run(
        [work, &chunk] {
            work->decoded = std::make_shared<Bytes>(chunk.size);
            work->outcome =
                rafs::decode_chunk(*work->bootstrap, chunk, *work->encoded, *work->decoded);
        },
        [work, &chunk, alive = std::weak_ptr(alive_)] {
            if (alive.expired())
                return;
            RafsSource& source = **alive.lock(); // not held: loaded() asks whether it is there
            if (work->outcome)
                source.loaded(chunk, work->decoded);
            else
                source.loaded(chunk, std::unexpected(work->outcome.error()));
        });
}

void RafsSource::loaded(const rafs::Chunk& chunk, const Result<rafs::RecentChunks::Bytes>& bytes) {
    if (bytes)
        recent_.keep(chunk, *bytes);
    auto node = loading_.extract(chunk.offset);
    // Who is answered may end the source.
    const std::weak_ptr alive(alive_);
    for (const std::shared_ptr<Fetch>& fetch : node.mapped()) {
        if (alive.expired())
            return;
        if (!fetch->done)
            continue; // another chunk has failed it
        if (!bytes) {
            std::exchange(fetch->done, {})(std::unexpected(bytes.error()));
            continue;
        }
        rafs::copy_part(chunk, **bytes, fetch->offset, fetch->into);
        if (--fetch->pending == 0)
            std::exchange(fetch->done, {})({});
    }
}

} // namespace coldscope
