#include "core/erofs/compressed_map.h"

#include "core/erofs/image.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {
// Steps through an index to a cluster's head or end: bounds what a broken one costs. A step is a
// logical cluster at least, and 2047 of them where they are that many.
constexpr unsigned max_steps = 32768;
} // namespace

Result<CompressedMap> CompressedMap::open(Image& image, const Inode& inode) {
    COLDSCOPE_TRY(const MapHeader header, read_map_header(image, inode));
    CompressedMap map(image, inode, header);
    if (header.has(advise::fragment) && inode.nid == image.superblock().packed_nid)
        return map.corrupt("the packed inode has a fragment, which would lie in itself",
                           header.offset + 4);
    if (!header.whole_packed && !header.has_records && inode.size != 0 &&
        (header.inline_size != 0 || header.has(advise::fragment))) {
        COLDSCOPE_CHECK(map.find_tail());
    }
    return map;
}

std::unexpected<Error> CompressedMap::corrupt(std::string what, std::uint64_t offset) const {
    return failure(Code::corrupt, fmt::format("inode {}: {}", inode_.nid, std::move(what)), offset);
}

// The file's last cluster: which it is, and where its bytes are.
Result<void> CompressedMap::find_tail() {
    COLDSCOPE_TRY(const Lcluster last, table_.load((inode_.size - 1) >> header_.lcluster_bits));
    COLDSCOPE_TRY(const Located located, locate(inode_.size - 1));
    has_tail_ = true;
    tail_head_ = located.head.number;
    if (header_.has(advise::fragment)) {
        tail_address_ = header_.fragment;
        if (inode_.layout == Layout::compressed_full)
            tail_address_ |= located.head.block << 32;
        return {};
    }
    tail_address_ = last.next;
    const std::uint64_t block = image_->superblock().block_size();
    if ((tail_address_ & (block - 1)) + header_.inline_size > block)
        return corrupt(
            fmt::format("inline data of {} bytes crosses a block's end", header_.inline_size),
            tail_address_);
    return {};
}

Result<CompressedMap::Located> CompressedMap::locate(std::uint64_t offset) const {
    const unsigned bits = header_.lcluster_bits;
    const std::uint64_t number = offset >> bits;
    Located result;
    COLDSCOPE_TRY(Lcluster one, table_.load(number));
    std::uint64_t back = 0;
    if (!one.is_head()) {
        back = one.back;
        result.search = number + one.forward;
    } else if ((offset & ((std::uint64_t{1} << bits) - 1)) < one.start) {
        back = 1;
        result.end_known = true;
        result.end = (number << bits) + one.start;
    } else {
        result.search = number + 1;
        result.start = (number << bits) + one.start;
        result.head = one;
        return result;
    }
    for (unsigned steps = 0;; ++steps) {
        if (back == 0 || back > one.number || steps == max_steps)
            return corrupt(
                fmt::format("logical cluster {} has its head {} before it", one.number, back),
                one.offset);
        COLDSCOPE_TRY(one, table_.load(one.number - back));
        if (one.is_head())
            break;
        back = one.back;
    }
    result.start = (one.number << bits) + one.start;
    result.head = one;
    return result;
}

Result<std::uint64_t> CompressedMap::find_end(const Located& located) const {
    if (located.end_known)
        return located.end;
    const unsigned bits = header_.lcluster_bits;
    const std::uint64_t last = (inode_.size - 1) >> bits;
    std::uint64_t number = located.search;
    for (unsigned steps = 0; number <= last; ++steps) {
        COLDSCOPE_TRY(const Lcluster one, table_.load(number));
        if (steps == max_steps)
            return corrupt(fmt::format("no end of its cluster at {} is found", located.start),
                           one.offset);
        if (one.is_head())
            return (number << bits) + one.start;
        number += one.forward;
    }
    return inode_.size;
}

Result<std::uint64_t> CompressedMap::blocks_of(const Lcluster& head) const {
    if (head.hole)
        return 0;
    const bool big = header_.has(head.type == LclusterType::head1 ? advise::big_clusters_1
                                                                  : advise::big_clusters_2);
    const std::uint64_t next = head.number + 1;
    if (!big || next > (inode_.size - 1) >> header_.lcluster_bits)
        return 1;
    COLDSCOPE_TRY(const Lcluster one, table_.load(next));
    if (one.is_head())
        return 1;
    if (one.back != 1 || !one.blocks)
        return corrupt(fmt::format("logical cluster {} does not say how many blocks the one before "
                                   "it has",
                                   next),
                       one.offset);
    return *one.blocks;
}

Result<void> CompressedMap::set_algorithm(unsigned number, Cluster& cluster) const {
    if (number >= codec::algorithm_count)
        return failure(
            Code::unsupported,
            fmt::format("inode {}: compression algorithm {} is not known", inode_.nid, number),
            header_.offset + 6);
    if ((image_->superblock().algorithms() & (1U << number)) == 0)
        return corrupt(fmt::format("it is compressed by {}, which the superblock does not list",
                                   codec::name(static_cast<codec::Algorithm>(number))),
                       header_.offset + 6);
    cluster.form = Cluster::Form::encoded;
    cluster.algorithm = static_cast<codec::Algorithm>(number);
    return {};
}

Result<Cluster> CompressedMap::at_lcluster(std::uint64_t offset) const {
    const bool fragment = header_.has(advise::fragment);
    Cluster cluster;
    if (fragment && tail_head_ == 0) {
        cluster.length = inode_.size;
        cluster.form = Cluster::Form::fragment;
        cluster.address = tail_address_;
        return cluster;
    }
    COLDSCOPE_TRY(const Located located, locate(offset));
    const Lcluster& head = located.head;
    COLDSCOPE_TRY(const std::uint64_t end, find_end(located));
    if (located.start > offset || end <= offset)
        return corrupt(
            fmt::format("its cluster at {} ends at {}, before byte {}", located.start, end, offset),
            head.offset);
    cluster.offset = located.start;
    cluster.length = std::min(end, inode_.size) - located.start;
    cluster.partial = head.partial;
    if (has_tail_ && head.number == tail_head_ && fragment) {
        cluster.form = Cluster::Form::fragment;
        cluster.address = tail_address_;
        return cluster;
    }
    if (has_tail_ && head.number == tail_head_) {
        cluster.inlined = true;
        cluster.address = tail_address_;
        cluster.stored = header_.inline_size;
    } else {
        COLDSCOPE_TRY(const std::uint64_t blocks, blocks_of(head));
        if (blocks == 0) {
            cluster.partial = false;
            return cluster; // a hole
        }
        cluster.address = head.block << image_->superblock().block_bits;
        cluster.stored = blocks << image_->superblock().block_bits;
    }
    if (head.type == LclusterType::plain)
        cluster.form = header_.has(advise::interlaced) && !cluster.inlined
                           ? Cluster::Form::interlaced
                           : Cluster::Form::plain;
    else
        COLDSCOPE_CHECK(
            set_algorithm(header_.algorithms[head.type == LclusterType::head2 ? 1 : 0], cluster));
    return cluster;
}

Result<void> CompressedMap::check(const Cluster& cluster, std::uint64_t offset) const {
    if (cluster.offset > offset || offset - cluster.offset >= cluster.length)
        return corrupt(fmt::format("no cluster has its byte {}", offset), header_.offset);
    if (cluster.form == Cluster::Form::hole || cluster.form == Cluster::Form::fragment)
        return {};
    if (cluster.stored > max_encoded || cluster.length > max_decoded)
        return failure(Code::unsupported,
                       fmt::format("inode {}: a cluster of {} bytes for {} of the file at {}, more "
                                   "than any kernel reads",
                                   inode_.nid, cluster.stored, cluster.length, cluster.offset),
                       header_.offset);
    if (cluster.form != Cluster::Form::encoded && cluster.length > cluster.stored)
        return corrupt(fmt::format("its {} bytes at {} are said to be stored plain in {}",
                                   cluster.length, cluster.offset, cluster.stored),
                       header_.offset);
    // Block addresses are of 48 bits.
    if ((cluster.address + cluster.stored) >> image_->superblock().block_bits >> 48 != 0 ||
        cluster.address > ~cluster.stored)
        return corrupt(fmt::format("its cluster at byte {} is beyond any device", cluster.address),
                       header_.offset);
    return {};
}

Result<Cluster> CompressedMap::at(std::uint64_t offset) {
    if (header_.whole_packed) {
        Cluster cluster;
        cluster.length = inode_.size;
        cluster.form = Cluster::Form::fragment;
        cluster.address = header_.fragment;
        return cluster;
    }
    COLDSCOPE_TRY(const Cluster cluster,
                  header_.has_records ? at_record(offset) : at_lcluster(offset));
    COLDSCOPE_CHECK(check(cluster, offset));
    return cluster;
}

} // namespace coldscope::erofs
