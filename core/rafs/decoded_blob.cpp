#include "core/rafs/decoded_blob.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::rafs {

DecodedBlob::DecodedBlob(std::shared_ptr<const Bootstrap> bootstrap, std::size_t blob,
                         std::shared_ptr<ReadAt> stored)
    : bootstrap_(std::move(bootstrap)), blob_(blob), size_(bootstrap_->blobs[blob].size),
      stored_(std::move(stored)) {}

Result<void> DecodedBlob::read(std::uint64_t offset, std::span<std::byte> into) {
    if (offset > size_ || into.size() > size_ - offset)
        return failure(Code::truncated, "read past the end of the decoded blob", size_);
    if (const Blob& blob = bootstrap_->blobs[blob_]; !blob.obstacle.empty())
        return failure(Code::unsupported,
                       fmt::format("blob {} can't be decoded here: {}", blob_ + 1, blob.obstacle),
                       offset);
    const std::lock_guard lock(mutex_);
    std::ranges::fill(into, std::byte{});
    for (const Chunk& chunk : bootstrap_->chunks_at(blob_, offset, into.size())) {
        COLDSCOPE_TRY(const RecentChunks::Bytes bytes, decoded(chunk));
        copy_part(chunk, *bytes, offset, into);
    }
    return {};
}

Result<RecentChunks::Bytes> DecodedBlob::decoded(const Chunk& chunk) {
    if (auto known = recent_.find(chunk))
        return known;
    if (chunk.stored_end() > stored_->size())
        return failure(Code::truncated,
                       fmt::format("{}: its {} bytes at byte {} end behind the blob, which has {}",
                                   bootstrap_->name(chunk), chunk.stored_size, chunk.stored_offset,
                                   stored_->size()),
                       chunk.stored_offset);
    buffer_.resize(chunk.stored_size);
    if (auto got = stored_->read(chunk.stored_offset, buffer_); !got) {
        got.error().context = fmt::format("{}: {}", bootstrap_->name(chunk), got.error().context);
        return std::unexpected(std::move(got).error());
    }
    auto bytes = std::make_shared<std::vector<std::byte>>(chunk.size);
    COLDSCOPE_CHECK(decode_chunk(*bootstrap_, chunk, buffer_, *bytes));
    recent_.keep(chunk, bytes);
    return bytes;
}

std::shared_ptr<ReadAt> device_of(const std::shared_ptr<const Bootstrap>& bootstrap,
                                  std::size_t blob, std::shared_ptr<ReadAt> stored) {
    if (bootstrap == nullptr || blob >= bootstrap->blobs.size() || bootstrap->blobs[blob].raw)
        return stored;
    return std::make_shared<DecodedBlob>(bootstrap, blob, std::move(stored));
}

} // namespace coldscope::rafs
