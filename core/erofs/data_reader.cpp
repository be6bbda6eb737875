#include "core/erofs/data_reader.h"

#include "core/erofs/check_parts.h"
#include "core/erofs/read.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::size_t most_extents = 128;      // mapped at once
constexpr std::uint64_t most_run = 256 * 1024; // bytes that are read at once
constexpr std::uint64_t step = 1 << 20;        // bytes, likewise, of what is plain

std::span<std::byte> room(std::vector<std::byte>& bytes, std::uint64_t size) {
    if (bytes.size() < size)
        bytes.resize(static_cast<std::size_t>(size));
    return std::span(bytes).first(static_cast<std::size_t>(size));
}

// Whether the check has to read it: the packed inode's bytes are read as its own.
bool is_wanted(const Extent& extent) {
    return extent.kind != ExtentKind::hole && extent.fragment == Extent::no_fragment;
}

} // namespace

DataOutcome DataReader::read(const DataPart& part) {
    part_ = part;
    outcome_ = {.number = part.number, .work = part.cost, .wrong = {}, .unreadable = {}};
    if (part.nameless != 0) {
        if (const auto inode = image_.inode(part.nameless))
            read_inode(*inode);
    }
    for (node_ = part.first; node_ < part.end && outcome_.work < part.most_work; ++node_) {
        const Node& node = index_.node(node_);
        outcome_.work += cluster_cost;
        if (!has_data_to_check(node))
            continue;
        const auto inode = image_.inode(node.nid);
        if (inode && is_first_name(index_, *inode, node_))
            read_inode(*inode);
    }
    return std::move(outcome_);
}

void DataReader::read_inode(const Inode& inode) {
    const std::uint64_t end = std::min(part_.bytes.end, inode.size);
    for (std::uint64_t at = part_.bytes.begin; at < end;) {
        extents_.clear();
        const auto reached = image_.map_some(inode, at, end, most_extents, extents_);
        if (!read_extents(inode))
            return;
        if (reached) {
            at = *reached;
            continue;
        }
        add(inode, reached.error());
        if (inode.nid != image_.superblock().packed_nid)
            return;
        // Files have their fragments behind it, too.
        if (!extents_.empty())
            at = extents_.back().offset + extents_.back().length;
        at += image_.superblock().block_size();
    }
}

bool DataReader::read_extents(const Inode& inode) {
    const bool is_packed = inode.nid == image_.superblock().packed_nid;
    outcome_.work += cluster_cost;
    if (outcome_.work >= part_.most_work)
        return false;
    for (std::size_t i = 0; i < extents_.size();) {
        const Extent& first = extents_[i];
        outcome_.work += cluster_cost;
        if (outcome_.work >= part_.most_work)
            return false;
        // What begins before the part belongs to the one before.
        if (!is_wanted(first) || (first.skip != 0 && first.offset == part_.bytes.begin)) {
            ++i;
            continue;
        }
        const std::size_t run = run_length(i);
        const std::size_t end = i + std::max<std::size_t>(run, 1);
        if (run != 0 && is_sound(std::span(extents_).subspan(i, run))) {
            i = end;
            continue;
        }
        for (; i < end; ++i) { // which, and why?
            if (!read_alone(inode, extents_[i]) && !is_packed)
                return false;
        }
    }
    return true;
}

std::size_t DataReader::run_length(std::size_t first) const {
    const Extent& begin = extents_[first];
    if (!begin.is_placed() || begin.device >= devices_.size() || devices_[begin.device] == nullptr)
        return 0;
    const std::uint64_t size = devices_[begin.device]->size();
    const Range stored = begin.stored();
    std::uint64_t next = stored.begin;
    std::size_t i = first;
    for (; i < extents_.size(); ++i) {
        const Extent& extent = extents_[i];
        const Range place = extent.stored();
        if (!is_wanted(extent) || !extent.is_placed() || extent.device != begin.device ||
            place.begin != next || place.end < place.begin || place.end > size ||
            (place.end - stored.begin > most_run && (i != first || place.length() > max_encoded)))
            break;
        next = place.end;
    }
    return i - first;
}

bool DataReader::is_sound(std::span<const Extent> run) {
    const std::uint64_t start = run.front().stored().begin;
    const auto bytes = room(stored_, run.back().stored().end - start);
    outcome_.work += bytes.size();
    if (!devices_[run.front().device]->read(start, bytes))
        return false;
    for (const Extent& extent : run) {
        if (extent.kind != ExtentKind::encoded)
            continue;
        outcome_.work += cluster_cost + extent.decoded;
        const auto encoded =
            bytes.subspan(static_cast<std::size_t>(extent.address - start), extent.encoded);
        if (!decode_cluster(image_.superblock(), extent, encoded, room(decoded_, extent.decoded)))
            return false;
    }
    return true;
}

bool DataReader::read_alone(const Inode& inode, const Extent& extent) {
    const bool encoded = extent.kind == ExtentKind::encoded;
    const std::uint64_t begin = extent.offset - (encoded ? extent.skip : 0);
    const std::uint64_t end =
        std::min(inode.size, begin + (encoded ? extent.decoded : extent.length));
    for (std::uint64_t at = begin; at < end;) {
        const std::uint64_t length = encoded ? end - at : std::min(step, end - at);
        outcome_.work += length + (encoded ? extent.encoded : 0);
        if (auto read = read_file(image_, inode, at, room(decoded_, length), devices_); !read) {
            if (read.error().code == Code::not_found) // a blob is not given: not the image's fault
                return false;
            if (inode.nid == image_.superblock().packed_nid)
                outcome_.unreadable.push_back({at, at + length});
            add(inode, read.error());
            return false;
        }
        at += length;
    }
    return true;
}

void DataReader::add(const Inode& inode, const Error& error) {
    if (!outcome_.wrong.empty() && outcome_.wrong.back().nid == inode.nid)
        return;
    Findings made;
    made.add(error,
             part_.nameless != 0 ? fmt::format("inode {}", inode.nid)
                                 : label("inode", index_, node_),
             "take a fresh copy of the image and its blobs");
    outcome_.wrong.push_back({inode.nid, std::move(made.list().front())});
}

} // namespace coldscope::erofs
