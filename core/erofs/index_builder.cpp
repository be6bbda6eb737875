// Index::build: one pass over the tree. A directory's children get consecutive ids when it is
// expanded; directories are expanded depth first, which is how mkfs.erofs lays out metadata.
#include "core/erofs/index.h"
#include "core/erofs/memory_room.h"
#include "core/erofs/radix.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

// Extents are kept in pieces of at most 4 GiB. Beside one for each chunk or file that the image
// has room for, this many are granted: 256 TiB of long runs.
constexpr std::uint64_t spare_pieces = 65536;
constexpr std::size_t extents_at_once = 4096;
// Bytes that a node takes beside itself and its name: its place by nid, and whether it is a link.
constexpr std::uint64_t node_extra = sizeof(NodeId) + 1;
constexpr std::uint64_t seen_extra = 64;         // bytes: for a directory
constexpr std::uint64_t most_expected = 1 << 20; // inodes, for which there is room at once
constexpr std::uint64_t extent_extra = 1;        // bytes: of the pyramid over the reverse map

} // namespace

class IndexBuilder {
public:
    IndexBuilder(Image& image, Findings* tolerant)
        : image_(image), tolerant_(tolerant), entries_left_(image.metadata_room() / dirent_size),
          chunks_left_(image.size() / 4), pieces_left_(image.size() / 2 + spare_pieces),
          index_entries_left_(image.metadata_room() / 2),
          extents_left_(image.size() / 2 + spare_pieces),
          room_(MemoryRoom::for_index(image.size(), image.superblock())) {}

    Result<Index> run();
    Result<Index> run_root(std::size_t most);

private:
    struct Pending {
        NodeId id; // a directory
        std::uint32_t depth;
    };
    // Nodes by nid, to sort them.
    struct Key {
        std::uint64_t nid;
        NodeId node;
    };

    Result<void> add_root();
    Result<void> expand(NodeId id);
    Result<void> charge_entries(std::uint64_t count, std::uint64_t offset);
    Result<void> add_block(NodeId parent, const DirBlock& block);
    Result<void> add_entry(NodeId parent, const DirEntry& entry);
    Result<void> fill(NodeId id, std::uint64_t nid, std::uint64_t entry_offset);
    // False for a directory that was seen before, or can't be remembered.
    [[nodiscard]] Result<bool> see_directory(const Inode& inode);
    Result<void> add_extents(NodeId id, const Inode& inode);
    Result<void> add_extent(NodeId id, const Inode& inode, const Extent& extent);
    Result<void> map_hard_links();
    void sort_nids();
    // Tolerant: lists the error and goes on; strict: returns it.
    Result<void> pass_over(Result<void> result, std::string structure);

    Image& image_;
    Findings* tolerant_;
    bool extents_wanted_ = true;
    std::size_t most_nodes_ = no_node; // a directory's later blocks are left out
    Index index_;
    std::uint64_t entries_left_;
    std::uint64_t chunks_left_;
    std::uint64_t pieces_left_;        // of the reverse map
    std::uint64_t index_entries_left_; // of compressed files
    std::uint64_t extents_left_;       // of compressed files
    MemoryRoom room_;
    bool names_end_ = false;                 // there is no memory for more
    bool extents_end_ = false;               // the same
    std::unordered_set<std::uint64_t> seen_; // directories, by nid
    std::vector<bool> links_;                // by node: its inode's link count is above one
    std::vector<Extent> extents_;
    std::vector<std::byte> block_;
};

Result<Index> Index::build(Image& image, Findings* tolerant) {
    const std::uint64_t before = image.bound_decoding(Image::no_bound);
    image.bound_decoding(std::min(before, image.walk_bound()));
    auto index = IndexBuilder(image, tolerant).run();
    image.bound_decoding(before);
    return index;
}

Result<Index> Index::build_root(Image& image, std::size_t most) {
    const std::uint64_t before = image.bound_decoding(Image::no_bound);
    image.bound_decoding(std::min(before, image.walk_bound()));
    Findings ignored;
    auto index = IndexBuilder(image, &ignored).run_root(most);
    image.bound_decoding(before);
    return index;
}

Result<void> IndexBuilder::pass_over(Result<void> result, std::string structure) {
    if (result || tolerant_ == nullptr)
        return result;
    tolerant_->add(result.error(), std::move(structure));
    return {};
}

Result<Index> IndexBuilder::run() {
    // No inode is smaller than a compact one; what is said may be wrong all the same.
    const std::uint64_t expected =
        std::min({image_.superblock().inodes, image_.size() / compact_inode_size, most_expected});
    if (!room_.grow(index_.nodes_, static_cast<std::size_t>(expected) + 1))
        return failure(Code::unsupported, "no memory for the image's inodes");
    index_.reverse_.resize(image_.devices().size() + 1);
    index_.directories_.emplace_back(); // of what is no directory

    COLDSCOPE_CHECK(add_root());
    std::vector<Pending> pending{{root_node, 0}};
    while (!pending.empty() && !names_end_) {
        const Pending next = pending.back();
        pending.pop_back();
        const std::uint64_t nid = index_.nodes_[next.id].nid;
        if (next.depth > Index::max_depth) {
            COLDSCOPE_CHECK(pass_over(
                failure(Code::corrupt,
                        fmt::format("directories nest deeper than {} levels", Index::max_depth)),
                fmt::format("directory {}", nid)));
            continue;
        }
        COLDSCOPE_CHECK(pass_over(expand(next.id), fmt::format("directory {}", nid)));
        // The first child directory is to be on top, so that metadata is read in its order.
        const Index::Children children = index_.children(next.id);
        const auto directories = static_cast<std::size_t>(std::ranges::count_if(
            std::span(index_.nodes_).subspan(children.first, children.count), &Node::is_directory));
        if (names_end_)
            break;
        if (!room_.grow(pending, directories))
            return failure(Code::unsupported, "no memory for the image's directories");
        for (NodeId id = children.first + children.count; id-- > children.first;) {
            if (index_.nodes_[id].is_directory())
                pending.push_back({id, next.depth + 1});
        }
    }
    pending = {};
    sort_nids();
    COLDSCOPE_CHECK(map_hard_links());
    for (ReverseMap& map : index_.reverse_)
        map.seal(room_.left());
    if (index_.names_.size() <= room_.left())
        index_.names_.shrink_to_fit();
    return std::move(index_);
}

Result<Index> IndexBuilder::run_root(std::size_t most) {
    extents_wanted_ = false;
    most_nodes_ = most;
    index_.directories_.emplace_back(); // of what is no directory
    COLDSCOPE_CHECK(add_root());
    COLDSCOPE_CHECK(pass_over(expand(root_node), "root directory"));
    sort_nids();
    return std::move(index_);
}

Result<void> IndexBuilder::add_root() {
    index_.nodes_.emplace_back();
    COLDSCOPE_CHECK(fill(root_node, image_.root_nid(), super_offset + 14));
    if (!index_.nodes_[root_node].is_directory())
        return failure(Code::corrupt,
                       fmt::format("the root inode {} is no directory", image_.root_nid()),
                       super_offset + 14);
    return {};
}

Result<void> IndexBuilder::expand(NodeId id) {
    COLDSCOPE_TRY(const Inode inode, image_.inode(index_.nodes_[id].nid));
    if (!room_.grow(index_.directories_, 1))
        return failure(Code::unsupported, "no memory for the image's directories", inode.offset);
    index_.nodes_[id].directory = static_cast<std::uint32_t>(index_.directories_.size());
    index_.directories_.push_back({static_cast<NodeId>(index_.nodes_.size()), 0});
    const std::uint64_t blocks = image_.directory_blocks(inode);
    for (std::uint64_t number = 0;
         number < blocks && !names_end_ && index_.nodes_.size() <= most_nodes_; ++number) {
        COLDSCOPE_TRY(const Image::RawBlock raw, image_.directory_block(inode, number));
        block_.assign(raw.bytes.begin(), raw.bytes.end());
        const auto block = DirBlock::open(block_, raw.offset);
        COLDSCOPE_CHECK(charge_entries(block ? block->count() : 1, raw.offset));
        Result<void> added = block ? add_block(id, *block) : std::unexpected(block.error());
        if (!added) {
            COLDSCOPE_CHECK(pass_over(std::move(added), fmt::format("directory {}", inode.nid)));
        }
    }
    return {};
}

// Entries that don't share their bytes are at most as many as fit in the image: a bound on work
// and memory, whatever the directories' sizes say. A bad block counts as one entry.
Result<void> IndexBuilder::charge_entries(std::uint64_t count, std::uint64_t offset) {
    if (count > entries_left_)
        return failure(Code::corrupt,
                       "there are more directory entries than the image has room for: directories "
                       "share their blocks",
                       offset);
    entries_left_ -= count;
    return {};
}

Result<void> IndexBuilder::add_block(NodeId parent, const DirBlock& block) {
    for (std::size_t i = 0; i < block.count(); ++i) {
        const auto entry = block.entry(i);
        if (!entry) {
            COLDSCOPE_CHECK(pass_over(std::unexpected(entry.error()),
                                      fmt::format("directory {}", index_.nodes_[parent].nid)));
            continue;
        }
        if (entry->name == "." || entry->name == "..")
            continue;
        COLDSCOPE_CHECK(add_entry(parent, *entry));
        const auto id = static_cast<NodeId>(index_.nodes_.size() - 1);
        Result<void> filled = fill(id, entry->nid, block.entry_offset(i));
        if (!filled)
            COLDSCOPE_CHECK(pass_over(std::move(filled), fmt::format("inode {}", entry->nid)));
    }
    return {};
}

Result<void> IndexBuilder::add_entry(NodeId parent, const DirEntry& entry) {
    if (index_.nodes_.size() >= no_node ||
        index_.names_.size() > ~std::uint32_t{0} - max_name_length)
        return failure(Code::unsupported, "more than 2^32 names, or bytes of names");
    if (!room_.grow(index_.nodes_, 1) || !room_.grow(index_.names_, entry.name.size()) ||
        !room_.take(node_extra)) {
        names_end_ = true;
        return failure(Code::unsupported,
                       fmt::format("the {} names that were read, and all others, take more memory "
                                   "than an image of {} bytes is given",
                                   index_.nodes_.size(), image_.size()));
    }
    Node node;
    node.nid = entry.nid;
    node.parent = parent;
    node.name_offset = static_cast<std::uint32_t>(index_.names_.size());
    node.name_length = static_cast<std::uint8_t>(entry.name.size());
    index_.names_.insert(index_.names_.end(), entry.name.begin(), entry.name.end());
    index_.nodes_.push_back(node);
    ++index_.directories_.back().count;
    return {};
}

Result<void> IndexBuilder::fill(NodeId id, std::uint64_t nid, std::uint64_t entry_offset) {
    index_.nodes_[id].nid = nid;
    auto found = image_.inode(nid);
    if (!found) {
        Error error = std::move(found).error();
        // What is not there at all is the name's fault.
        if (error.offset == no_offset || error.code == Code::truncated)
            error.offset = entry_offset;
        return std::unexpected(std::move(error));
    }
    const Inode& inode = *found;
    if (inode.is_directory()) {
        COLDSCOPE_TRY(const bool first, see_directory(inode));
        if (!first)
            return failure(
                Code::corrupt,
                fmt::format("directory {} is reached twice: a loop, or a hard link to it", nid),
                entry_offset);
    }
    Node& node = index_.nodes_[id];
    node.size = inode.size;
    node.mode = static_cast<std::uint16_t>(inode.mode);
    node.layout = inode.layout;
    if (!inode.is_regular() || !extents_wanted_)
        return {};
    if (inode.nlink > 1) {
        links_.resize(id + std::size_t{1});
        links_[id] = true;
        return {};
    }
    return add_extents(id, inode);
}

Result<bool> IndexBuilder::see_directory(const Inode& inode) {
    if (!room_.take(seen_extra))
        return failure(Code::unsupported, "no memory for the image's directories", inode.offset);
    return seen_.insert(inode.nid).second;
}

Result<void> IndexBuilder::add_extents(NodeId id, const Inode& inode) {
    if (extents_end_)
        return {};
    if (inode.layout == Layout::chunk_based && inode.size != 0) {
        COLDSCOPE_TRY(const Image::ChunkTable table, image_.chunk_table(inode));
        if (table.count > chunks_left_)
            return failure(Code::corrupt,
                           "there are more chunks than the image has room for: chunk tables "
                           "overlap",
                           table.offset);
        chunks_left_ -= table.count;
    }
    COLDSCOPE_TRY(const std::uint64_t entries, image_.index_entries(inode));
    if (entries > index_entries_left_)
        return failure(Code::corrupt,
                       "there are more logical clusters than the image has room for: indexes of "
                       "compressed files overlap",
                       inode.offset);
    index_entries_left_ -= entries;
    for (std::uint64_t at = 0; at < inode.size;) {
        extents_.clear();
        COLDSCOPE_TRY(at, image_.map_some(inode, at, inode.size, extents_at_once, extents_));
        for (const Extent& extent : extents_) {
            COLDSCOPE_CHECK(add_extent(id, inode, extent));
            if (extents_end_)
                return {};
        }
    }
    return {};
}

Result<void> IndexBuilder::add_extent(NodeId id, const Inode& inode, const Extent& extent) {
    if (is_compressed(inode.layout)) {
        if (extents_left_ == 0)
            return failure(Code::corrupt,
                           fmt::format("inode {}: its clusters are more than the image has room "
                                       "for",
                                       inode.nid),
                           inode.offset);
        --extents_left_;
    }
    if (!extent.is_placed())
        return {};
    std::uint64_t length = extent.stored().length();
    if (extent.device == 0) // past the image's end there is nothing to be asked for
        length = std::min(length, image_.size() - std::min(image_.size(), extent.address));
    const std::uint64_t pieces = ReverseMap::pieces(length);
    if (pieces > pieces_left_)
        return failure(
            Code::corrupt,
            fmt::format("inode {}: {} bytes, more than any device has", inode.nid, inode.size),
            inode.offset + 8);
    pieces_left_ -= pieces;
    if (!index_.reverse_[extent.device].reserve(pieces, room_) ||
        !room_.take(pieces * extent_extra)) {
        extents_end_ = true;
        if (tolerant_ != nullptr)
            tolerant_->add({Severity::warning,
                            inode.offset,
                            fmt::format("inode {}", inode.nid),
                            {},
                            fmt::format("its extents, and all others, take more memory than an "
                                        "image of {} bytes is given",
                                        image_.size()),
                            "not each read is given the names of its files; else it is no harm"});
        return {};
    }
    index_.reverse_[extent.device].add(extent.address, extent.offset, length, id,
                                       extent.kind == ExtentKind::encoded);
    return {};
}

// A file with several names is mapped once, for the first of them.
Result<void> IndexBuilder::map_hard_links() {
    links_.resize(index_.nodes_.size());
    std::uint64_t previous = ~std::uint64_t{0};
    for (const NodeId id : index_.by_nid_) {
        const std::uint64_t nid = index_.nodes_[id].nid;
        if (!links_[id] || nid == previous)
            continue;
        previous = nid;
        COLDSCOPE_TRY(const Inode inode, image_.inode(nid));
        COLDSCOPE_CHECK(pass_over(add_extents(id, inode), fmt::format("inode {}", nid)));
    }
    return {};
}

void IndexBuilder::sort_nids() {
    std::vector<NodeId>& ids = index_.by_nid_;
    ids.resize(index_.nodes_.size()); // node_extra has its memory
    for (std::size_t i = 0; i < ids.size(); ++i)
        ids[i] = static_cast<NodeId>(i);
    if (std::ranges::is_sorted(index_.nodes_, {}, &Node::nid))
        return;
    if (ids.size() > room_.left() / (2 * sizeof(Key))) {
        std::ranges::sort(ids, {}, [&](NodeId id) { return std::pair(index_.nodes_[id].nid, id); });
        return;
    }
    std::vector<Key> keys;
    keys.reserve(ids.size());
    for (const NodeId id : ids)
        keys.push_back({index_.nodes_[id].nid, id});
    radix_sort(keys, [](const Key& key) { return key.nid; });
    std::ranges::transform(keys, ids.begin(), &Key::node);
}

} // namespace coldscope::erofs
