// Which ranges of the second image's devices the first one lacks, and for which files they are.
#pragma once

#include "core/compare/compare.h"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

namespace coldscope::compare {

// What an image needs of a device: of the primary one all, of RAFS blobs the chunks that files have
// bytes in, of others the files' ranges, in whole blocks where they begin at one; disjoint and in
// order.
[[nodiscard]] std::vector<Range> needed_ranges(const Side& side, std::uint16_t device);

// The blob of a device whose bytes come in encoded chunks, each of them whole; nothing: they come
// as they are.
[[nodiscard]] std::optional<std::size_t> blob_in_chunks(const Side& side, std::uint16_t device);

// Calls each(chunk) for the chunks of such a blob that have bytes in the ranges, in order.
template <typename Each>
void for_each_chunk(const Side& side, std::size_t blob, std::span<const Range> ranges,
                    const Each& each) {
    auto range = ranges.begin();
    for (const rafs::Chunk& chunk : side.rafs->chunks_of(blob)) {
        while (range != ranges.end() && range->end <= chunk.offset)
            ++range;
        if (range == ranges.end())
            return;
        if (range->begin < chunk.end())
            each(chunk);
    }
}

// Fills devices (whose matches are set), fetch, needed and what is summed up of them, but nothing
// about contents and chunks.
void find_fetch(const Side& before, const Side& after, Comparison& comparison);

// The parts of ascending ranges that are in none of `have` (disjoint and in order).
class Missing {
public:
    explicit Missing(std::span<const Range> have) : have_(have) {}
    // part(Range), in order. Each range begins at or behind the last one's begin.
    template <typename Part>
    void of(Range range, const Part& part) {
        while (at_ < have_.size() && have_[at_].end <= range.begin)
            ++at_;
        for (std::size_t i = at_; range.begin < range.end; ++i) {
            const std::uint64_t next =
                i < have_.size() ? std::min(have_[i].begin, range.end) : range.end;
            if (next > range.begin)
                part(Range{range.begin, next});
            range.begin = i < have_.size() ? std::max(range.begin, have_[i].end) : range.end;
        }
    }

private:
    std::span<const Range> have_;
    std::size_t at_ = 0;
};

} // namespace coldscope::compare
