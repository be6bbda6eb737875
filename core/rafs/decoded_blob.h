// A blob as the device that EROFS has in mind: each chunk decoded at its offset, zeros between.
#pragma once

#include "core/base/read_at.h"
#include "core/rafs/decode.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace coldscope::rafs {

// Reads the stored bytes of the chunks that are needed, and no others; gives none that their digest
// is not right for. Any thread; one reads at a time.
class DecodedBlob final : public ReadAt {
public:
    // blob: from 0. stored: the blob as it is kept.
    DecodedBlob(std::shared_ptr<const Bootstrap> bootstrap, std::size_t blob,
                std::shared_ptr<ReadAt> stored);

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    // Errors: those of decode_chunk() and of reading the blob, with blob and chunk.
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override;
    [[nodiscard]] std::string identity() const override { return stored_->identity(); }

private:
    [[nodiscard]] Result<RecentChunks::Bytes> decoded(const Chunk& chunk);

    std::shared_ptr<const Bootstrap> bootstrap_;
    std::size_t blob_;
    std::uint64_t size_;
    std::shared_ptr<ReadAt> stored_;
    std::mutex mutex_; // of what follows
    std::vector<std::byte> buffer_;
    RecentChunks recent_;
};

// What EROFS is to read for a blob: a DecodedBlob, or the file itself where nothing in it is
// encoded.
[[nodiscard]] std::shared_ptr<ReadAt> device_of(const std::shared_ptr<const Bootstrap>& bootstrap,
                                                std::size_t blob, std::shared_ptr<ReadAt> stored);

} // namespace coldscope::rafs
