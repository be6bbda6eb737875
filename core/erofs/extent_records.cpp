// Files whose header has extent records (48-bit images) instead of an index of logical clusters.
// Records of 4 and 8 bytes stand for a logical cluster each: a length, and a start or none, where
// each physical cluster follows the one before. Those of 16 and 32 bytes say where they begin.
#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/erofs/compressed_map.h"
#include "core/erofs/image.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::uint32_t length_mask = (2U << 20) - 1;
constexpr std::uint32_t partial_flag = 1U << 27;
constexpr unsigned format_bit = 28;
constexpr std::uint32_t length_only = 4; // bytes of a record
constexpr std::uint64_t records_a_mark = 256;
constexpr std::uint32_t with_start = 8;
constexpr std::uint32_t with_wide_file_offset = 32;

} // namespace

Result<CompressedMap::Record> CompressedMap::record_by_lcluster(std::uint64_t offset) {
    const std::uint32_t size = header_.record_size();
    const unsigned bits = header_.lcluster_bits;
    const std::uint64_t wanted = offset >> bits;
    std::uint64_t first = align_up<std::uint64_t>(header_.end(), size);
    Record record;
    std::uint64_t number = wanted;
    if (size == length_only) {
        // Without starts, all records up to the wanted one are needed, once.
        if (marks_.empty()) {
            COLDSCOPE_TRY(const auto bytes, image_->metadata(inode_.in_metabox(), first, 8,
                                                             "start of extent records"));
            marks_.push_back(load_le<std::uint64_t>(bytes.data()));
        }
        const std::uint64_t mark =
            std::min<std::uint64_t>(wanted / records_a_mark, marks_.size() - 1);
        if (next_record_ > wanted || next_record_ <= mark * records_a_mark) {
            next_record_ = mark * records_a_mark;
            next_address_ = marks_[mark];
        }
        first += 8;
        number = next_record_;
    }
    for (; number <= wanted; ++number) {
        record.offset = first + number * size;
        COLDSCOPE_TRY(const auto bytes,
                      image_->metadata(inode_.in_metabox(), record.offset, size, "extent record"));
        Cursor at(bytes, record.offset);
        record.length = at.u32();
        if (size == with_start) {
            record.address = at.u32();
            continue;
        }
        record.address = next_address_;
        const auto next = checked_add<std::uint64_t>(next_address_, record.length & length_mask);
        if (!next)
            return corrupt("its extent records go beyond any device", record.offset);
        next_address_ = *next;
        next_record_ = number + 1;
        if (next_record_ == marks_.size() * records_a_mark)
            marks_.push_back(next_address_);
    }
    record.start = wanted << bits;
    record.end = std::min((wanted + 1) << bits, inode_.size);
    record.last = record.end == inode_.size;
    return record;
}

Result<CompressedMap::Record> CompressedMap::record_by_search(std::uint64_t offset) const {
    const std::uint32_t size = header_.record_size();
    const std::uint64_t first = align_up<std::uint64_t>(header_.end(), size);
    Record record;
    record.start = record.end = inode_.size;
    std::uint64_t low = 0;
    std::uint64_t high = header_.extents;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const std::uint64_t where = first + middle * size; // at most 2^48 records
        COLDSCOPE_TRY(const auto bytes,
                      image_->metadata(inode_.in_metabox(), where, size, "extent record"));
        Cursor at(bytes, where);
        const std::uint32_t length = at.u32();
        const std::uint64_t address_lo = at.u32();
        const std::uint64_t address = address_lo | (std::uint64_t{at.u32()} << 32);
        std::uint64_t start = at.u32();
        if (size == with_wide_file_offset)
            start |= std::uint64_t{at.u32()} << 32;
        if (start > offset) {
            if (start > record.end)
                return corrupt("its extent records are not sorted", where);
            high = middle;
            record.end = start;
            continue;
        }
        low = middle + 1;
        record.offset = where;
        record.start = start;
        record.length = length;
        record.address = address;
    }
    record.last = low >= header_.extents;
    return record;
}

Result<Cluster> CompressedMap::at_record(std::uint64_t offset) {
    const std::uint32_t size = header_.record_size();
    COLDSCOPE_TRY(const Record record,
                  size <= with_start ? record_by_lcluster(offset) : record_by_search(offset));
    if (record.start > offset || record.end <= offset)
        return corrupt(fmt::format("no extent record has its byte {}", offset), header_.offset);
    Cluster cluster;
    cluster.offset = record.start;
    cluster.length = record.end - record.start;
    if (record.last && header_.has(advise::fragment)) {
        cluster.form = Cluster::Form::fragment;
        cluster.address = record.length;
        if (size > length_only)
            cluster.address |= record.address << 32;
        return cluster;
    }
    cluster.stored = record.length & length_mask;
    if (cluster.stored == 0)
        return cluster; // a hole
    cluster.address = record.address;
    cluster.partial = (record.length & partial_flag) != 0;
    const std::uint32_t format = record.length >> format_bit;
    const std::uint64_t within = image_->superblock().block_size() - 1;
    if (format != 0)
        COLDSCOPE_CHECK(set_algorithm(format - 1, cluster));
    else if (header_.has(advise::interlaced) && ((cluster.address | cluster.stored) & within) == 0)
        cluster.form = Cluster::Form::interlaced;
    else
        cluster.form = Cluster::Form::plain;
    return cluster;
}

} // namespace coldscope::erofs
