// Keys::read: each inode once, in the order of their numbers, which is mostly that of the metadata.
#include "core/base/checked.h"
#include "core/compare/extent_reader.h"
#include "core/erofs/fingerprint.h"
#include "core/erofs/memory_room.h"
#include "core/sharing/image_keys.h"
#include "core/sharing/intern.h"

#include <algorithm>

namespace coldscope::sharing {

namespace {

using erofs::Extent;
using erofs::ExtentKind;
using erofs::Inode;

constexpr std::uint64_t spare_extents = 65536; // beside those that the image has room for
constexpr std::uint64_t least_room = 64 << 20; // bytes
constexpr std::uint64_t most_room = 8;         // for each byte of the image
constexpr std::uint64_t files_in_step = 1024;

class KeyReader {
public:
    KeyReader(const Side& side, const Report& report)
        : image_(side.image), index_(side.index), report_(report), prints_(side.image),
          room_(least_room + std::min(image_.metadata_room(), ~std::uint64_t{0} / 64) * most_room),
          chunks_left_(image_.size() / 4), entries_left_(image_.metadata_room() / 2),
          extents_left_(image_.metadata_room() / 2 + spare_extents),
          xattr_bytes_left_(image_.metadata_room()) {}

    Result<ImageKeys> run();

private:
    [[nodiscard]] bool has_room();
    void add_file(NodeId node, const Inode* inode);
    void read_print(const Inode& inode, FileKeys& file);
    Result<void> read_map(const Inode& inode);
    Result<void> charge_map(const Inode& inode);
    Result<void> add_extent(const Extent& extent);
    Result<Part> place(const Extent& extent);
    [[nodiscard]] std::uint32_t cluster_of(const Extent& extent);
    void add_run(std::uint64_t page, std::uint32_t space, std::uint64_t position);
    void add_part(Part part);
    void end_page();
    void intern_clusters();

    erofs::Image& image_;
    const erofs::Index& index_;
    const Report& report_;
    erofs::Fingerprints prints_;
    Sha256 digester_;
    erofs::MemoryRoom room_;
    std::uint64_t chunks_left_;
    std::uint64_t entries_left_; // of compressed files' indexes
    std::uint64_t extents_left_;
    std::uint64_t xattr_bytes_left_;
    bool full_ = false; // there is no memory for more
    ImageKeys keys_;
    // Of the file that is being read.
    std::uint64_t at_ = 0; // bytes: how far it is
    std::uint64_t next_page_ = 0;
    std::vector<Part> pending_; // of a page, as far as it is known
};

Result<ImageKeys> KeyReader::run() {
    const std::span<const NodeId> nodes = index_.by_nid();
    keys_.file_of_node.assign(index_.size(), no_file);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (i % files_in_step == 0 && report_ && !report_(i, nodes.size()))
            return failure(Code::cancelled, "the prediction was given up");
        const erofs::Node& node = index_.node(nodes[i]);
        if (!node.is_regular() || node.size == 0)
            continue;
        if (i > 0 && index_.node(nodes[i - 1]).nid == node.nid) {
            keys_.file_of_node[nodes[i]] = keys_.file_of_node[nodes[i - 1]];
            continue;
        }
        const auto inode = image_.inode(node.nid);
        keys_.file_of_node[nodes[i]] = static_cast<std::uint32_t>(keys_.files.size());
        add_file(nodes[i], inode ? &*inode : nullptr);
        if (full_)
            return failure(Code::unsupported, "no memory for where the files' pages lie");
    }
    intern_clusters();
    return std::move(keys_);
}

// For what one extent adds at most; what is left out is not used any more.
bool KeyReader::has_room() {
    constexpr std::size_t few = 4;
    full_ = full_ || keys_.runs.size() > no_file - few || keys_.parts.size() > no_file - few ||
            !room_.grow(keys_.runs, few) || !room_.grow(keys_.parts, few) ||
            !room_.grow(keys_.composed, few) || !room_.grow(keys_.clusters, few);
    return !full_;
}

void KeyReader::add_file(NodeId node, const Inode* inode) {
    if (!room_.grow(keys_.files, 1) || !has_room()) {
        full_ = true;
        return;
    }
    FileKeys file;
    file.node = node;
    file.size = index_.node(node).size;
    file.first_run = static_cast<std::uint32_t>(keys_.runs.size());
    keys_.files.push_back(file);
    const std::size_t parts = keys_.parts.size();
    const std::size_t composed = keys_.composed.size();
    bool read = false;
    if (inode != nullptr && inode->size == file.size && inode->is_regular()) {
        keys_.files.back().compressed_layout = erofs::is_compressed(inode->layout);
        read_print(*inode, keys_.files.back());
        read = read_map(*inode).has_value();
    }
    if (read || full_)
        return;
    keys_.runs.resize(file.first_run);
    keys_.parts.resize(parts);
    keys_.composed.resize(composed);
    keys_.runs.push_back(
        {0, 0, unreadable_space, static_cast<std::uint32_t>(keys_.files.size() - 1)});
}

void KeyReader::read_print(const Inode& inode, FileKeys& file) {
    // Areas that don't overlap fit in the image.
    if (!prints_.any() || inode.xattr_size > xattr_bytes_left_)
        return;
    xattr_bytes_left_ -= inode.xattr_size;
    const std::string print = prints_.of(inode);
    if (print.empty())
        return;
    digester_.add(std::as_bytes(std::span(print)));
    file.print = half_of(digester_.take());
    file.has_print = true;
}

Result<void> KeyReader::charge_map(const Inode& inode) {
    if (inode.layout == erofs::Layout::chunk_based) {
        COLDSCOPE_TRY(const auto table, image_.chunk_table(inode));
        if (table.count > chunks_left_)
            return failure(Code::corrupt, "chunk tables overlap", table.offset);
        chunks_left_ -= table.count;
    }
    COLDSCOPE_TRY(const std::uint64_t entries, image_.index_entries(inode));
    if (entries > entries_left_)
        return failure(Code::corrupt, "indexes of compressed files overlap", inode.offset);
    entries_left_ -= entries;
    return {};
}

Result<void> KeyReader::read_map(const Inode& inode) {
    COLDSCOPE_CHECK(charge_map(inode));
    at_ = 0;
    next_page_ = 0;
    pending_.clear();
    const bool bounded = erofs::is_compressed(inode.layout);
    const auto add = [&](const Extent& extent) -> Result<void> {
        if (bounded) {
            if (extents_left_ == 0)
                return failure(Code::corrupt, "more clusters than the image has room for");
            --extents_left_;
        }
        return add_extent(extent);
    };
    COLDSCOPE_CHECK(compare::for_each_extent(image_, inode, add));
    if (at_ != inode.size)
        return failure(Code::corrupt, "a map that ends early", inode.offset);
    return {};
}

std::uint32_t KeyReader::cluster_of(const Extent& extent) {
    const Cluster cluster{extent.in_metabox ? local_space::metabox : extent.device, extent.encoded,
                          extent.address, extent.algorithm};
    if (keys_.clusters.empty() || keys_.clusters.back() != cluster)
        keys_.clusters.push_back(cluster);
    return static_cast<std::uint32_t>(keys_.clusters.size() - 1);
}

// Without its length.
Result<Part> KeyReader::place(const Extent& extent) {
    switch (extent.kind) {
    case ExtentKind::hole:
        return Part{0, hole_space, 0};
    case ExtentKind::inline_tail:
        keys_.files.back().has_tail = true;
        return Part{extent.address, extent.in_metabox ? local_space::metabox : extent.device, 0};
    case ExtentKind::data:
        return Part{extent.address, extent.device, 0};
    case ExtentKind::encoded:
        break;
    }
    if (extent.skip + extent.length > std::uint64_t{1} << cluster_bits)
        return failure(Code::corrupt, "a cluster decodes to more than it may", extent.address);
    keys_.files.back().has_encoded = true;
    return Part{(std::uint64_t{cluster_of(extent)} << cluster_bits) + extent.skip,
                local_space::clusters, 0};
}

Result<void> KeyReader::add_extent(const Extent& extent) {
    if (!has_room())
        return failure(Code::unsupported, "no memory");
    if (extent.offset != at_ || extent.length > keys_.files.back().size - at_)
        return failure(Code::corrupt, "extents that don't join");
    const std::uint64_t size = keys_.files.back().size;
    COLDSCOPE_TRY(Part part, place(extent));
    const bool hole = part.space == hole_space;
    const std::uint64_t end = at_ + extent.length;
    const auto step = [&](std::uint64_t length) {
        part.position += hole ? 0 : length;
        at_ += length;
    };
    if (!checked_add(part.position, extent.length))
        return failure(Code::corrupt, "an extent wraps around", extent.address);
    while (at_ < end) {
        const std::uint64_t page_end = std::min((at_ / page_size + 1) * page_size, size);
        const bool starts = pending_.empty() && at_ % page_size == 0;
        if (!starts || page_end > end) {
            const std::uint64_t length = std::min(end, page_end) - at_;
            part.length = static_cast<std::uint32_t>(length);
            add_part(part);
            step(length);
            if (at_ == page_end)
                end_page();
            continue;
        }
        const std::uint64_t whole = end == size ? end - at_ : align_down(end - at_, page_size);
        add_run(at_ / page_size, part.space, part.position);
        step(whole);
        next_page_ = (at_ + page_size - 1) / page_size;
    }
    return {};
}

void KeyReader::add_part(Part part) {
    if (!pending_.empty()) {
        Part& last = pending_.back();
        const bool joins =
            last.space == part.space &&
            (part.space == hole_space || last.position + last.length == part.position);
        if (joins) {
            last.length += part.length;
            return;
        }
    }
    pending_.push_back(part);
}

void KeyReader::end_page() {
    const std::uint64_t page = (at_ - 1) / page_size;
    if (pending_.size() == 1) {
        add_run(page, pending_[0].space, pending_[0].position);
    } else if (room_.grow(keys_.parts, pending_.size())) {
        add_run(page, local_space::composed, std::uint64_t{keys_.composed.size()} << page_bits);
        keys_.composed.push_back(static_cast<std::uint32_t>(keys_.parts.size()));
        keys_.parts.insert(keys_.parts.end(), pending_.begin(), pending_.end());
    } else {
        full_ = true;
    }
    next_page_ = page + 1;
    pending_.clear();
}

// Lengthens the file's last run where it goes on from it.
void KeyReader::add_run(std::uint64_t page, std::uint32_t space, std::uint64_t position) {
    const FileKeys& file = keys_.files.back();
    if (keys_.runs.size() > file.first_run) {
        const Run& last = keys_.runs.back();
        // Two clusters' bytes never join, nor do composed pages.
        const std::uint64_t next = last.position + (page - last.page) * page_size;
        const bool joins =
            last.space == space &&
            (space == hole_space || (space != local_space::composed && next == position &&
                                     (space != local_space::clusters ||
                                      next >> cluster_bits == last.position >> cluster_bits)));
        if (joins)
            return;
    }
    keys_.runs.push_back(
        {page, position, space, static_cast<std::uint32_t>(keys_.files.size() - 1)});
}

void KeyReader::intern_clusters() {
    const std::vector<std::uint32_t> places = intern(keys_.clusters);
    const auto translate = [&places](std::uint32_t space, std::uint64_t& position) {
        if (space == local_space::clusters)
            position = (std::uint64_t{places[position >> cluster_bits]} << cluster_bits) |
                       (position & ((std::uint64_t{1} << cluster_bits) - 1));
    };
    for (Run& run : keys_.runs)
        translate(run.space, run.position);
    for (Part& part : keys_.parts)
        translate(part.space, part.position);
}

} // namespace

Result<Keys> Keys::read(const Side& side, const Report& report) {
    // As for an index: a metabox could make it go on for hours.
    const std::uint64_t before = side.image.bound_decoding(erofs::Image::no_bound);
    side.image.bound_decoding(std::min(before, side.image.walk_bound()));
    auto read = KeyReader(side, report).run();
    side.image.bound_decoding(before);
    if (!read)
        return std::unexpected(std::move(read).error());
    return Keys(std::make_shared<const ImageKeys>(std::move(*read)));
}

} // namespace coldscope::sharing
