#include "core/compare/block_content.h"

#include "core/base/sha256.h"
#include "core/compare/fetch.h"
#include "core/erofs/radix.h"

#include <algorithm>
#include <cstring>

namespace coldscope::compare {

namespace {

constexpr std::uint64_t piece_size = 1024 * 1024; // bytes, a multiple of every block size

// Half of a SHA-256: what is made of it are figures.
struct Block {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::uint32_t length = 0; // bytes
    std::uint16_t device = 0;
    bool found = false;
};
static_assert(sizeof(Block) == 24);

class Blocks {
public:
    Blocks(std::uint32_t size, Meter& meter) : size_(size), meter_(meter) {}

    // Digests the blocks of the ranges; take(block) gets each. Errors: cancelled, the device's.
    template <typename Take>
    Result<void> read(ReadAt& device, std::span<const Range> ranges, const Take& take);
    void keep(const Block& block) { kept_.push_back(block); }
    void seal() {
        erofs::radix_sort(kept_, [](const Block& block) { return block.high; });
    }
    // Marks those that have these bytes.
    void find(const Block& block);
    [[nodiscard]] std::span<const Block> kept() const { return kept_; }

private:
    std::uint32_t size_;
    Meter& meter_;
    Sha256 digester_;
    std::vector<std::byte> piece_;
    std::vector<Block> kept_;
};

template <typename Take>
Result<void> Blocks::read(ReadAt& device, std::span<const Range> ranges, const Take& take) {
    for (const Range& range : ranges) {
        for (std::uint64_t at = range.begin; at < range.end; at += piece_.size()) {
            // Pieces end at block borders, so that blocks do.
            const std::uint64_t end = std::min(range.end, (at / piece_size + 1) * piece_size);
            piece_.resize(static_cast<std::size_t>(end - at));
            COLDSCOPE_CHECK(device.read(at, piece_));
            for (std::size_t from = 0; from < piece_.size();) {
                const std::size_t to = std::min<std::size_t>(
                    piece_.size(), from + size_ - static_cast<std::size_t>((at + from) % size_));
                digester_.add(std::span(piece_).subspan(from, to - from));
                const Digest digest = digester_.take();
                Block block;
                std::memcpy(&block.high, digest.data(), sizeof block.high);
                std::memcpy(&block.low, digest.data() + sizeof block.high, sizeof block.low);
                block.length = static_cast<std::uint32_t>(to - from);
                take(block);
                from = to;
            }
            COLDSCOPE_CHECK(meter_.advance(piece_.size()));
        }
    }
    return {};
}

void Blocks::find(const Block& block) {
    auto at = std::ranges::lower_bound(kept_, block.high, {}, &Block::high);
    for (; at != kept_.end() && at->high == block.high; ++at) {
        if (at->found && at->low == block.low)
            return; // all of them are
        at->found = at->found || at->low == block.low;
    }
}

// Of a device that comes in chunks: those to fetch that the first image has under another address,
// by their digests. Nothing: none of its chunks has a digest of that kind.
std::optional<std::uint64_t> chunks_elsewhere(const Side& before, const Side& after,
                                              std::size_t blob, std::span<const Range> to_fetch) {
    std::vector<rafs::Digest> digests;
    for (std::size_t i = 1; i <= before.image.devices().size(); ++i) {
        const auto device = static_cast<std::uint16_t>(i);
        const auto old = blob_in_chunks(before, device);
        if (old && before.rafs->blobs[*old].digester == after.rafs->blobs[blob].digester)
            for_each_chunk(before, *old, needed_ranges(before, device),
                           [&](const rafs::Chunk& chunk) { digests.push_back(chunk.digest); });
    }
    if (digests.empty())
        return std::nullopt;
    std::ranges::sort(digests);
    std::uint64_t found = 0;
    for_each_chunk(after, blob, to_fetch, [&](const rafs::Chunk& chunk) {
        found += std::ranges::binary_search(digests, chunk.digest) ? chunk.stored_size : 0;
    });
    return found;
}

// Without what lies behind a device's end: that can't be read, and is not.
std::vector<Range> readable(std::span<const Range> ranges, std::uint64_t size) {
    std::vector<Range> list;
    for (const Range& range : ranges) {
        if (range.begin < size)
            list.push_back({range.begin, std::min(range.end, size)});
    }
    return list;
}

} // namespace

Result<void> find_content(const Side& before, const Side& after, Meter& meter,
                          Comparison& comparison) {
    comparison.content_block =
        std::max(before.image.superblock().block_size(), after.image.superblock().block_size());
    comparison.all_looked_at = true;
    comparison.by_content = 0;
    for (DeviceNeed& need : comparison.devices)
        if (need.fetch == 0)
            need.by_content = 0;
    if (comparison.to_fetch == 0)
        return {};
    Blocks blocks(comparison.content_block, meter);
    // False: the device is left out, and not all was looked at.
    const auto read = [&](ReadAt* device, std::span<const Range> ranges,
                          const auto& take) -> Result<bool> {
        if (ranges.empty())
            return true;
        if (device != nullptr) {
            const auto done = blocks.read(*device, readable(ranges, device->size()), take);
            if (done) {
                comparison.all_looked_at =
                    comparison.all_looked_at && ranges.back().end <= device->size();
                return true;
            }
            if (done.error().code == Code::cancelled)
                return std::unexpected(done.error());
        }
        comparison.all_looked_at = false;
        return false;
    };
    COLDSCOPE_CHECK(meter.begin(Phase::blocks, comparison.to_fetch + comparison.needed_before));
    for (std::size_t i = 0; i < comparison.devices.size(); ++i) {
        DeviceNeed& need = comparison.devices[i];
        if (const auto blob = blob_in_chunks(after, static_cast<std::uint16_t>(i));
            blob && need.fetch != 0) {
            need.by_content = chunks_elsewhere(before, after, *blob, need.to_fetch);
            *comparison.by_content += need.by_content.value_or(0);
            comparison.all_looked_at = comparison.all_looked_at && need.by_content;
            continue;
        }
        COLDSCOPE_TRY(const bool done, read(after.device(i), need.to_fetch, [&](Block block) {
                          block.device = static_cast<std::uint16_t>(i);
                          blocks.keep(block);
                      }));
        if (done)
            need.by_content = 0;
    }
    blocks.seal();
    for (std::size_t i = 0; !blocks.kept().empty() && i <= before.image.devices().size(); ++i) {
        const auto ranges = needed_ranges(before, static_cast<std::uint16_t>(i));
        COLDSCOPE_TRY(
            [[maybe_unused]] const bool done,
            read(before.device(i), ranges, [&](const Block& block) { blocks.find(block); }));
    }
    for (const Block& block : blocks.kept()) {
        auto& saved = comparison.devices[block.device].by_content;
        if (block.found && saved) {
            *saved += block.length;
            *comparison.by_content += block.length;
        }
    }
    return {};
}

} // namespace coldscope::compare
