#include "core/erofs/lcluster.h"

#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/erofs/image.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::uint32_t map_header_size = 8;
constexpr std::uint32_t full_index_size = 8;
constexpr std::uint16_t full_partial = 1U << 15;
constexpr std::uint16_t full_hole = 1U << 14;
constexpr std::uint16_t block_count_flag = 1U << 11;
constexpr unsigned block_count_bits = 12;
constexpr std::uint8_t whole_packed_flag = 0x80;
constexpr unsigned max_compact_bits = 14; // of a logical cluster
constexpr unsigned max_2b_bits = 12;

} // namespace

Result<MapHeader> read_map_header(Image& image, const Inode& inode) {
    const auto room = checked_add<std::uint64_t>(inode.body_offset(), 2 * map_header_size);
    if (!room)
        return failure(Code::corrupt, fmt::format("inode {}: no room for a map header", inode.nid),
                       inode.offset);
    MapHeader header;
    header.offset = align_up<std::uint64_t>(inode.body_offset(), map_header_size);
    COLDSCOPE_TRY(const auto bytes,
                  image.metadata(inode.in_metabox(), header.offset, map_header_size, "map header"));
    Cursor at(bytes, header.offset);
    const std::uint64_t whole = load_le<std::uint64_t>(bytes.data());
    const std::uint32_t first = at.u32();
    header.advise = at.u16();
    const std::uint16_t extents_hi = load_le<std::uint16_t>(bytes.data() + 6);
    const std::uint8_t algorithms = at.u8();
    const std::uint8_t bits = at.u8();
    if ((bits & whole_packed_flag) != 0) {
        header.whole_packed = true;
        header.fragment = whole & ~(std::uint64_t{1} << 63);
        header.advise = advise::fragment;
        return header;
    }
    header.lcluster_bits = static_cast<std::uint8_t>(image.superblock().block_bits + (bits & 0xFU));
    if (inode.layout == Layout::compressed_full && header.has(advise::extents)) {
        header.has_records = true;
        header.extents = first | (std::uint64_t{extents_hi} << 32);
        return header;
    }
    header.algorithms = {static_cast<std::uint8_t>(algorithms & 0xFU),
                         static_cast<std::uint8_t>(algorithms >> 4)};
    if (header.has(advise::fragment))
        header.fragment = first;
    else if (header.has(advise::inline_tail))
        header.inline_size = static_cast<std::uint16_t>(first >> 16);
    if (inode.layout == Layout::compressed_compact) {
        if (header.has(advise::big_clusters_1) != header.has(advise::big_clusters_2))
            return failure(Code::corrupt,
                           fmt::format("inode {}: advise {:#x} has big clusters for one head only",
                                       inode.nid, header.advise),
                           header.offset + 4);
        if (header.lcluster_bits > max_compact_bits)
            return failure(Code::unsupported,
                           fmt::format("inode {}: compact indexes of logical clusters of 2^{} "
                                       "bytes",
                                       inode.nid, header.lcluster_bits),
                           header.offset + 7);
    }
    return header;
}

// A pack's entries: a number and a type of so many bits each, and behind them the block that the
// first head's physical cluster follows.
struct LclusterTable::Pack {
    std::array<std::byte, 32> bytes{};
    unsigned size = 0;  // bytes
    unsigned count = 0; // entries
    unsigned low_bits = 0;

    struct Entry {
        std::uint32_t low = 0;
        LclusterType type = LclusterType::plain;
        [[nodiscard]] bool is_head() const { return type != LclusterType::nonhead; }
        [[nodiscard]] bool has_blocks() const { return (low & block_count_flag) != 0; }
        [[nodiscard]] std::uint16_t blocks() const {
            return static_cast<std::uint16_t>(low & ~std::uint32_t{block_count_flag});
        }
    };
    [[nodiscard]] Entry entry(unsigned index) const {
        const unsigned bit = (size - 4) * 8 / count * index;
        const std::uint32_t word = load_le<std::uint32_t>(bytes.data() + bit / 8) >> (bit & 7U);
        return {word & ((1U << low_bits) - 1), static_cast<LclusterType>((word >> low_bits) & 3U)};
    }
    [[nodiscard]] std::uint32_t base() const {
        return load_le<std::uint32_t>(bytes.data() + size - 4);
    }
};

Result<Lcluster> LclusterTable::load(std::uint64_t number) const {
    std::optional<Lcluster>& kept = kept_[number % kept_.size()];
    if (kept && kept->number == number)
        return *kept;
    COLDSCOPE_TRY(const Lcluster one, inode_.layout == Layout::compressed_compact
                                          ? load_compact(number)
                                          : load_full(number));
    if (one.is_head() && one.start >= std::uint64_t{1} << header_.lcluster_bits)
        return corrupt(one, "begins behind its end");
    kept = one;
    return one;
}

std::unexpected<Error> LclusterTable::corrupt(const Lcluster& one, const char* what) const {
    return failure(Code::corrupt,
                   fmt::format("inode {}: logical cluster {} {}", inode_.nid, one.number, what),
                   one.offset);
}

Result<Lcluster> LclusterTable::load_full(std::uint64_t number) const {
    Lcluster one;
    one.number = number;
    one.offset = header_.end() + 8 + number * full_index_size;
    one.next = one.offset + full_index_size;
    COLDSCOPE_TRY(const auto bytes, image_->metadata(inode_.in_metabox(), one.offset,
                                                     full_index_size, "logical cluster index"));
    Cursor at(bytes, one.offset);
    const std::uint16_t flags = at.u16();
    one.type = static_cast<LclusterType>(flags & 3U);
    const std::uint16_t start = at.u16();
    if (one.is_head()) {
        one.start = start;
        one.partial = (flags & full_partial) != 0;
        one.hole = (flags & full_hole) != 0;
        one.block = at.u32();
        return one;
    }
    one.back = at.u16();
    one.forward = std::max<std::uint16_t>(at.u16(), 1); // 0 by mkfs.erofs before 1.0
    if ((one.back & block_count_flag) != 0) {
        if (!header_.has(advise::big_clusters_1 | advise::big_clusters_2))
            return corrupt(one, "says a number of blocks, but has no big clusters");
        one.blocks = static_cast<std::uint16_t>(one.back & ~block_count_flag);
        one.back = 1;
    }
    return one;
}

// The indexes are 4 bytes each up to 32-byte alignment, then 2 bytes each in whole packs of 16 (if
// advised), then 4 bytes each.
Result<Lcluster> LclusterTable::load_compact(std::uint64_t number) const {
    const std::uint64_t total =
        inode_.size == 0 ? 0 : ((inode_.size - 1) >> image_->superblock().block_bits) + 1;
    Lcluster one;
    one.number = number;
    one.offset = header_.offset;
    if (number >= total)
        return corrupt(one, "is behind the end of the index");
    const std::uint64_t first_4b = ((32 - header_.end() % 32) / 4) & 7U;
    std::uint64_t packed_2b = 0;
    if (header_.has(advise::compacted_2b) && first_4b < total)
        packed_2b = align_down<std::uint64_t>(total - first_4b, 16);
    std::uint64_t position = header_.end();
    std::uint64_t index = number;
    Pack pack;
    pack.size = 8;
    pack.count = 2;
    if (index >= first_4b) {
        position += first_4b * 4;
        index -= first_4b;
        if (index < packed_2b) {
            if (header_.lcluster_bits > max_2b_bits)
                return failure(Code::unsupported,
                               fmt::format("inode {}: 2-byte indexes of logical clusters of 2^{} "
                                           "bytes",
                                           inode_.nid, header_.lcluster_bits),
                               header_.offset + 7);
            pack.size = 32;
            pack.count = 16;
        } else {
            position += packed_2b * 2;
            index -= packed_2b;
        }
    }
    const unsigned width = pack.size / pack.count;
    position += index * width;
    one.offset = align_down<std::uint64_t>(position, pack.size);
    one.next = one.offset + pack.size;
    pack.low_bits = std::max<unsigned>(header_.lcluster_bits, block_count_bits);
    COLDSCOPE_TRY(const auto bytes, image_->metadata(inode_.in_metabox(), one.offset, pack.size,
                                                     "pack of logical cluster indexes"));
    std::ranges::copy(bytes, pack.bytes.begin());
    COLDSCOPE_CHECK(read_pack(pack, static_cast<unsigned>(position - one.offset) / width, one));
    return one;
}

Result<void> LclusterTable::read_pack(const Pack& pack, unsigned index, Lcluster& one) const {
    const bool big = header_.has(advise::big_clusters_1);
    const Pack::Entry entry = pack.entry(index);
    one.type = entry.type;
    if (!one.is_head()) {
        // To the next head of the pack; the last entry says how far it is from there.
        unsigned ahead = index;
        while (ahead + 1 < pack.count && !pack.entry(ahead).is_head())
            ++ahead;
        const Pack::Entry last = pack.entry(ahead);
        std::uint32_t forward = ahead - index;
        if (!last.is_head())
            forward += last.has_blocks() ? 1 : last.low;
        one.forward = static_cast<std::uint16_t>(std::max(forward, 1U));
        if (entry.has_blocks()) {
            if (!big)
                return corrupt(one, "says a number of blocks, but has no big clusters");
            one.blocks = entry.blocks();
            one.back = 1;
        } else if (index + 1 != pack.count) {
            one.back = static_cast<std::uint16_t>(entry.low);
        } else {
            const Pack::Entry before = pack.entry(index - 1);
            const std::uint32_t distance =
                before.is_head() ? 0 : (before.has_blocks() ? 1 : before.low);
            one.back = static_cast<std::uint16_t>(distance + 1);
        }
        return {};
    }
    one.start = entry.low;
    // Count the blocks of the physical clusters that begin before it in the pack.
    std::uint32_t blocks = big ? 0 : 1;
    for (auto i = static_cast<std::int64_t>(index); i > 0;) {
        const Pack::Entry before = pack.entry(static_cast<unsigned>(--i));
        if (!big) {
            if (!before.is_head())
                i -= before.low;
            if (i >= 0)
                ++blocks;
        } else if (before.is_head()) {
            ++blocks;
        } else if (before.has_blocks()) {
            --i; // its head
            blocks += before.blocks();
        } else if (before.low <= 1) {
            return corrupt(one, "follows one that should say a number of blocks");
        } else {
            i -= before.low - 2;
        }
    }
    one.block = std::uint64_t{pack.base()} + blocks;
    return {};
}

} // namespace coldscope::erofs
