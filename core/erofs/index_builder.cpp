// Index::build: one pass over the tree. A directory's children get consecutive ids when it is
// expanded; directories are expanded depth first, which is how mkfs.erofs lays out metadata.
#include "core/erofs/index.h"
#include "core/erofs/radix.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

// Extents are kept in pieces of at most 4 GiB. Beside one for each chunk or file that the image
// has room for, this many are granted: 256 TiB of long runs.
constexpr std::uint64_t spare_pieces = 65536;
constexpr std::size_t extents_at_once = 4096;

} // namespace

class IndexBuilder {
public:
    IndexBuilder(Image& image, Findings* tolerant)
        : image_(image), tolerant_(tolerant), entries_left_(image.metadata_room() / dirent_size),
          chunks_left_(image.size() / 4), pieces_left_(image.size() / 2 + spare_pieces),
          index_entries_left_(image.metadata_room() / 2),
          extents_left_(image.size() / 2 + spare_pieces) {}

    Result<Index> run();
    Result<Index> run_root(std::size_t most);

private:
    struct Pending {
        NodeId id; // a directory
        std::uint32_t depth;
    };
    struct Link {
        std::uint64_t nid;
        NodeId node;
    };

    Result<void> add_root();
    Result<void> expand(NodeId id);
    Result<void> charge_entries(std::uint64_t count, std::uint64_t offset);
    Result<void> add_block(NodeId parent, const DirBlock& block);
    Result<void> add_entry(NodeId parent, const DirEntry& entry);
    Result<void> fill(NodeId id, std::uint64_t nid, std::uint64_t entry_offset);
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
    std::unordered_set<std::uint64_t> seen_directories_;
    std::vector<Link> links_; // nodes of inodes with a link count above one
    std::vector<Extent> extents_;
    std::vector<std::byte> block_;
};

Result<Index> Index::build(Image& image, Findings* tolerant) {
    return IndexBuilder(image, tolerant).run();
}

Result<Index> Index::build_root(Image& image, std::size_t most) {
    Findings ignored;
    return IndexBuilder(image, &ignored).run_root(most);
}

Result<void> IndexBuilder::pass_over(Result<void> result, std::string structure) {
    if (result || tolerant_ == nullptr)
        return result;
    tolerant_->add(result.error(), std::move(structure));
    return {};
}

Result<Index> IndexBuilder::run() {
    // No inode is smaller than a compact one, so the count can be believed up to that.
    const std::uint64_t expected =
        std::min(image_.superblock().inodes, image_.size() / compact_inode_size);
    index_.nodes_.reserve(static_cast<std::size_t>(expected) + 1);
    index_.reverse_.resize(image_.devices().size() + 1);
    index_.directories_.emplace_back(); // of what is no directory

    COLDSCOPE_CHECK(add_root());
    std::vector<Pending> pending{{root_node, 0}};
    while (!pending.empty()) {
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
        for (NodeId id = children.first + children.count; id-- > children.first;) {
            if (index_.nodes_[id].is_directory())
                pending.push_back({id, next.depth + 1});
        }
    }
    COLDSCOPE_CHECK(map_hard_links());
    sort_nids();
    for (ReverseMap& map : index_.reverse_)
        map.seal();
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
    index_.nodes_[id].directory = static_cast<std::uint32_t>(index_.directories_.size());
    index_.directories_.push_back({static_cast<NodeId>(index_.nodes_.size()), 0});
    const std::uint64_t blocks = image_.directory_blocks(inode);
    for (std::uint64_t number = 0; number < blocks && index_.nodes_.size() <= most_nodes_;
         ++number) {
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
    if (inode.is_directory() && !seen_directories_.insert(nid).second)
        return failure(
            Code::corrupt,
            fmt::format("directory {} is reached twice: a loop, or a hard link to it", nid),
            entry_offset);
    Node& node = index_.nodes_[id];
    node.size = inode.size;
    node.mode = static_cast<std::uint16_t>(inode.mode);
    node.layout = inode.layout;
    if (!inode.is_regular() || !extents_wanted_)
        return {};
    if (inode.nlink > 1) {
        links_.push_back({nid, id});
        return {};
    }
    return add_extents(id, inode);
}

Result<void> IndexBuilder::add_extents(NodeId id, const Inode& inode) {
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
        for (const Extent& extent : extents_)
            COLDSCOPE_CHECK(add_extent(id, inode, extent));
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
    index_.reverse_[extent.device].add(extent.address, extent.offset, length, id,
                                       extent.kind == ExtentKind::encoded);
    return {};
}

// A file with several names is mapped once, for the first of them.
Result<void> IndexBuilder::map_hard_links() {
    std::ranges::sort(links_, [](const Link& a, const Link& b) {
        return a.nid != b.nid ? a.nid < b.nid : a.node < b.node;
    });
    for (std::size_t i = 0; i < links_.size(); ++i) {
        if (i > 0 && links_[i].nid == links_[i - 1].nid)
            continue;
        COLDSCOPE_TRY(const Inode inode, image_.inode(links_[i].nid));
        COLDSCOPE_CHECK(
            pass_over(add_extents(links_[i].node, inode), fmt::format("inode {}", inode.nid)));
    }
    return {};
}

void IndexBuilder::sort_nids() {
    struct Key {
        std::uint64_t nid;
        NodeId node;
    };
    std::vector<Key> keys;
    keys.reserve(index_.nodes_.size());
    for (std::size_t i = 0; i < index_.nodes_.size(); ++i)
        keys.push_back({index_.nodes_[i].nid, static_cast<NodeId>(i)});
    if (!std::ranges::is_sorted(keys, {}, &Key::nid))
        radix_sort(keys, [](const Key& key) { return key.nid; });
    index_.by_nid_.reserve(keys.size());
    for (const Key& key : keys)
        index_.by_nid_.push_back(key.node);
}

} // namespace coldscope::erofs
