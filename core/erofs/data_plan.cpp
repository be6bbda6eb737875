#include "core/erofs/data_plan.h"

#include "core/base/checked.h"
#include "core/erofs/check_parts.h"
#include "core/erofs/compressed_map.h"
#include "core/erofs/data_reader.h"
#include "core/erofs/read.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::uint64_t part_size = 2 << 20;     // bytes, decoded
constexpr NodeId most_nodes = 1024;              // of a part
constexpr std::uint64_t most_decoded = 4096;     // times the bytes that are stored
constexpr std::uint64_t most_holes = 1 << 20;    // work
constexpr std::uint64_t fragment_step = 1 << 20; // bytes

} // namespace

bool has_data_to_check(const Node& node) {
    return is_compressed(node.layout) &&
           (node.is_regular() || node.is_directory() || S_ISLNK(node.mode));
}

bool is_first_name(const Index& index, const Inode& inode, NodeId node) {
    return inode.nlink <= 1 || index.node_of_nid(inode.nid) == node;
}

DataPlan::DataPlan(Image& image, const Index& index,
                   std::span<const std::shared_ptr<ReadAt>> devices, Findings& findings)
    : image_(image), index_(index), devices_(devices), findings_(findings) {
    for (const std::shared_ptr<ReadAt>& device : devices)
        budget_ = checked_add(budget_, device == nullptr ? 0 : device->size()).value_or(budget_);
    budget_ = checked_mul(budget_, most_decoded).value_or(~std::uint64_t{0});
}

std::optional<DataPart> DataPlan::next() {
    auto part = next_nodes();
    if (!part)
        part = next_nameless();
    if (!part)
        return std::nullopt;
    if (work_ >= budget_) {
        cut_ = true;
        return std::nullopt;
    }
    part->number = dealt_++;
    part->most_work = budget_;
    return part;
}

std::optional<DataPart> DataPlan::next_nodes() {
    DataPart part;
    std::uint64_t bytes = 0;
    for (; node_ < index_.size() && bytes < part_size && part.end - part.first < most_nodes;
         ++node_) {
        const Node& node = index_.node(node_);
        if (!has_data_to_check(node))
            continue;
        if (node.size <= part_size) {
            if (part.end == part.first)
                part.first = node_;
            part.end = node_ + 1;
            bytes += node.size;
            continue;
        }
        if (part.end != part.first)
            break;
        const auto inode = image_.inode(node.nid);
        if (!inode) {
            at_ = 0;
            continue;
        }
        if (auto piece = next_piece(*inode)) {
            piece->first = node_;
            piece->end = node_ + 1;
            return piece;
        }
        at_ = 0;
    }
    return part.end != part.first ? std::optional(part) : std::nullopt;
}

std::optional<DataPart> DataPlan::next_nameless() {
    const std::array nids{image_.superblock().packed_nid, image_.superblock().metabox_nid};
    for (; nameless_ < nids.size(); ++nameless_, at_ = 0) {
        if (nids[nameless_] == 0)
            continue;
        const auto inode = image_.inode(nids[nameless_]);
        if (!inode || !inode->is_regular() || inode->layout == Layout::chunk_based)
            continue;
        if (auto piece = next_piece(*inode)) {
            piece->nameless = inode->nid;
            return piece;
        }
    }
    return std::nullopt;
}

// Holes are passed over, however large.
std::optional<DataPart> DataPlan::next_piece(const Inode& inode) {
    DataPart part;
    while (at_ < inode.size && part.cost < most_holes) {
        extents_.clear();
        const auto reached = image_.map_some(inode, at_, inode.size, 1, extents_);
        if (!reached) { // the reader will say so, once
            part.bytes = {at_, inode.size};
            at_ = inode.size;
            return part;
        }
        if (extents_.empty() || extents_[0].kind != ExtentKind::hole) {
            part.bytes = {at_, at_ + std::min(part_size, inode.size - at_)};
            at_ = part.bytes.end;
            return part;
        }
        part.cost += DataReader::cluster_cost;
        at_ = *reached;
    }
    part.bytes = {at_, at_};
    return part.cost != 0 ? std::optional(part) : std::nullopt;
}

void DataPlan::take(DataOutcome outcome) {
    work_ = checked_add(work_, outcome.work).value_or(~std::uint64_t{0});
    early_.emplace(outcome.number, std::move(outcome));
    while (!early_.empty() && early_.begin()->first == merged_) {
        merge(std::move(early_.begin()->second));
        early_.erase(early_.begin());
        ++merged_;
    }
}

void DataPlan::merge(DataOutcome outcome) {
    // With more threads, more may have been dealt out before this was known.
    if (merged_work_ >= budget_) {
        cut_ = true;
        return;
    }
    cut_ = cut_ || outcome.work >= budget_;
    merged_work_ = checked_add(merged_work_, outcome.work).value_or(~std::uint64_t{0});
    for (const Range range : outcome.unreadable)
        unreadable_.add(range);
    for (DataOutcome::Wrong& wrong : outcome.wrong) {
        const bool again = wrong.nid == last_wrong_;
        last_wrong_ = wrong.nid;
        packed_is_wrong_ = packed_is_wrong_ || wrong.nid == image_.superblock().packed_nid;
        const std::string name = fmt::format("inode {}", wrong.nid);
        const auto same = [&](const Finding& finding) {
            return finding.offset == wrong.finding.offset &&
                   finding.message == wrong.finding.message &&
                   (finding.structure == name || finding.structure.starts_with(name + " "));
        };
        if (!again && std::ranges::none_of(findings_.list(), same))
            findings_.add(std::move(wrong.finding));
    }
}

void DataPlan::finish() {
    if (cut_)
        findings_.add({Severity::warning,
                       no_offset,
                       "compressed files",
                       {},
                       fmt::format("not all of them were decoded: it takes more than {} times the "
                                   "work that is usual for an image of this size",
                                   most_decoded),
                       "see whether the files' sizes are right"});
    if (!packed_is_wrong_)
        return;
    for (std::size_t i = 0; i < index_.size(); ++i) {
        if (has_data_to_check(index_.node(static_cast<NodeId>(i))))
            check_fragment(static_cast<NodeId>(i));
    }
}

// Whether the file's fragment lies in what of the packed inode can't be read.
void DataPlan::check_fragment(NodeId id) {
    const auto inode = image_.inode(index_.node(id).nid);
    if (!inode || inode->size == 0 || !is_first_name(index_, *inode, id))
        return;
    auto map = CompressedMap::open(image_, *inode);
    const auto last = map ? map->at(inode->size - 1) : std::unexpected(map.error());
    if (!last || last->form != Cluster::Form::fragment)
        return;
    const auto end = checked_add(last->address, last->length);
    const auto bad = end ? unreadable_.common({last->address, *end}) : std::vector<Range>();
    if (bad.empty()) {
        read_fragment(id, *inode, last->offset);
        return;
    }
    findings_.add(
        {Severity::error,
         inode->offset,
         label("inode", index_, id),
         {},
         fmt::format("its bytes from {} on are a fragment of the packed inode, whose "
                     "bytes {} to {} can't be decoded",
                     last->offset + (bad[0].begin - last->address), bad[0].begin, bad[0].end),
         fresh_copy});
}

// Where the packed inode's index contradicts itself, a look into its midst may come upon what a
// walk from its beginning has not.
void DataPlan::read_fragment(NodeId id, const Inode& inode, std::uint64_t from) {
    std::vector<std::byte> bytes;
    for (std::uint64_t at = from; at < inode.size; at += bytes.size()) {
        bytes.resize(static_cast<std::size_t>(std::min(fragment_step, inode.size - at)));
        work_ = checked_add(work_, bytes.size() + DataReader::cluster_cost).value_or(budget_);
        if (work_ >= budget_)
            return;
        auto read = read_file(image_, inode, at, bytes, devices_);
        if (read || read.error().code == Code::not_found)
            continue;
        findings_.add(read.error(), label("inode", index_, id), fresh_copy);
        return;
    }
}

void check_data(Image& image, const Index& index, std::span<const std::shared_ptr<ReadAt>> devices,
                Findings& findings) {
    DataPlan plan(image, index, devices, findings);
    DataReader reader(image, index, devices);
    while (const auto part = plan.next())
        plan.take(reader.read(*part));
    plan.finish();
}

} // namespace coldscope::erofs
