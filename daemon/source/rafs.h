// A RAFS blob as a source: the chunks that are needed are fetched from another source, decoded, and
// given once their digests are right.
#pragma once

#include "core/rafs/decode.h"
#include "daemon/ring/ring.h"
#include "daemon/ring/workers.h"
#include "daemon/source/source.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace coldscope {

class RafsSource final : public Source {
public:
    // blob: of the bootstrap, from 0; one whose chunks can be decoded. stored: the blob as it is
    // kept. ring and workers: must outlive it.
    [[nodiscard]] static Result<std::unique_ptr<RafsSource>>
    make(Ring& ring, Workers& workers, std::shared_ptr<const rafs::Bootstrap> bootstrap,
         std::size_t blob, std::unique_ptr<Source> stored);

    [[nodiscard]] std::string name() const override { return stored_->name(); }
    [[nodiscard]] std::uint64_t size() const override { return bootstrap_->blobs[blob_].size; }
    [[nodiscard]] std::string identity() const override;
    // Where all that is needed was decoded lately.
    [[nodiscard]] bool try_fetch(std::uint64_t offset, std::span<std::byte> into) override;
    // Errors name blob and chunk.
    void fetch(std::uint64_t offset, std::span<std::byte> into, Done done) override;

private:
    using Bytes = std::vector<std::byte>;
    struct Fetch {
        std::uint64_t offset;
        std::span<std::byte> into;
        Done done;               // null once it was called
        std::size_t pending = 0; // chunks it still needs
    };
    // A chunk on its way, for all that need it.
    struct Loading {
        const rafs::Chunk* chunk;
        std::vector<std::shared_ptr<Fetch>> fetches;
    };

    RafsSource(Ring& ring, Workers& workers, std::shared_ptr<const rafs::Bootstrap> bootstrap,
               std::size_t blob, std::unique_ptr<Source> stored)
        : ring_(ring), workers_(workers), bootstrap_(std::move(bootstrap)), blob_(blob),
          stored_(std::move(stored)) {}
    void load(const rafs::Chunk& chunk);
    void decode(const rafs::Chunk& chunk, std::shared_ptr<const Bytes> encoded);
    void loaded(const rafs::Chunk& chunk, const Result<rafs::RecentChunks::Bytes>& bytes);
    void refuse(Fetch& fetch, const Error& error);

    Ring& ring_;
    Workers& workers_;
    std::shared_ptr<const rafs::Bootstrap> bootstrap_;
    std::size_t blob_;
    std::string chunks_digest_;
    rafs::RecentChunks recent_;
    std::unordered_map<std::uint64_t, Loading> loading_; // by the chunk's offset
    bool beginning_ = false;                             // within fetch()
    // What comes back later asks here whether the source is still there.
    std::shared_ptr<RafsSource*> alive_ = std::make_shared<RafsSource*>(this);
    // Last, so that it goes first: after it nothing comes from there.
    std::unique_ptr<Source> stored_;
};

} // namespace coldscope
