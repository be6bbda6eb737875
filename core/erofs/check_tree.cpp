// Directories and inodes of an image, for check_image(). What the index's builder has listed
// already (what can't be read, loops) is not listed again.
#include "core/erofs/check.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr const char* make_again = "make the image again";

class DirectoryCheck {
public:
    DirectoryCheck(Image& image, const Index& index, Findings& findings)
        : image_(image), index_(index), findings_(findings),
          entries_left_(image.metadata_room() / dirent_size) {}
    void check(NodeId id);

private:
    void check_block(const DirBlock& block);
    void check_name(const DirEntry& entry, std::uint64_t offset);
    void check_target(const DirEntry& entry, std::uint64_t offset);
    void add(Severity severity, std::uint64_t offset, const char* field, std::string message) {
        findings_.add({severity, offset,
                       fmt::format("directory {} ({})", index_.node(id_).nid, index_.path(id_)),
                       field, std::move(message), make_again});
    }

    Image& image_;
    const Index& index_;
    Findings& findings_;
    std::uint64_t entries_left_;
    NodeId id_ = 0;
    std::string previous_;
    bool dot_ = false;
    bool dot_dot_ = false;
    bool complete_ = true; // every entry could be read
};

void DirectoryCheck::check(NodeId id) {
    id_ = id;
    previous_.clear();
    dot_ = dot_dot_ = false;
    complete_ = true;
    const auto inode = image_.inode(index_.node(id).nid);
    if (!inode)
        return;
    std::vector<std::byte> copy;
    for (std::uint64_t number = 0; number < image_.directory_blocks(*inode); ++number) {
        const auto raw = image_.directory_block(*inode, number);
        if (!raw || entries_left_ == 0)
            return;
        copy.assign(raw->bytes.begin(), raw->bytes.end());
        const auto block = DirBlock::open(copy, raw->offset);
        entries_left_ -= std::min<std::uint64_t>(entries_left_, block ? block->count() : 1);
        if (block)
            check_block(*block);
        else
            complete_ = false;
    }
    if (!complete_)
        return;
    if (!dot_ && !inode->dot_omitted)
        add(Severity::error, inode->offset, "entries", "no entry \".\"");
    if (!dot_dot_)
        add(Severity::error, inode->offset, "entries", "no entry \"..\"");
}

void DirectoryCheck::check_block(const DirBlock& block) {
    for (std::size_t i = 0; i < block.count(); ++i) {
        const auto entry = block.entry(i);
        if (!entry) {
            complete_ = false;
            continue;
        }
        check_name(*entry, block.entry_offset(i));
        check_target(*entry, block.entry_offset(i));
        previous_ = entry->name;
    }
}

void DirectoryCheck::check_name(const DirEntry& entry, std::uint64_t offset) {
    if (entry.name.find('/') != std::string_view::npos)
        add(Severity::error, offset, "name", fmt::format("\"{}\" has a slash", entry.name));
    if (entry.name.find('\0') != std::string_view::npos)
        add(Severity::error, offset, "name", "a NUL within a name");
    if (previous_.empty())
        return;
    const int order = entry.name.compare(previous_);
    if (order == 0)
        add(Severity::error, offset, "name", fmt::format("\"{}\" is there twice", entry.name));
    else if (order < 0)
        add(Severity::error, offset, "name",
            fmt::format("\"{}\" follows \"{}\": names must be sorted, or look-ups miss them",
                        entry.name, previous_));
}

void DirectoryCheck::check_target(const DirEntry& entry, std::uint64_t offset) {
    if (entry.type >= file_type_count)
        add(Severity::error, offset + 10, "file_type", fmt::format("type {}", entry.type));
    const Node& node = index_.node(id_);
    if (entry.name == ".") {
        dot_ = true;
        if (entry.nid != node.nid)
            add(Severity::error, offset, "nid", fmt::format("\".\" is inode {}", entry.nid));
    } else if (entry.name == "..") {
        dot_dot_ = true;
        const std::uint64_t parent = index_.node(node.parent).nid;
        if (entry.nid != parent)
            add(Severity::error, offset, "nid",
                fmt::format("\"..\" is inode {} instead of {}", entry.nid, parent));
    } else if (const auto found = index_.node_of_nid(entry.nid); found) {
        const std::uint16_t mode = index_.node(*found).mode;
        if (mode != 0 && entry.type != 0 &&
            entry.type != static_cast<std::uint8_t>(file_type(mode)))
            add(Severity::warning, offset + 10, "file_type",
                fmt::format("type {} for \"{}\", whose mode is {:o}", entry.type, entry.name,
                            mode));
    }
}

class InodeCheck {
public:
    InodeCheck(Image& image, const Index& index, Findings& findings)
        : image_(image), index_(index), findings_(findings), chunks_left_(image.size() / 4) {}
    // id: the first node of its inode; names: how many there are.
    void check(NodeId id, std::uint64_t names);

private:
    void check_links(const Inode& inode, std::uint64_t names);
    void check_extents(const Inode& inode);
    [[nodiscard]] std::string label(const Inode& inode) const {
        return fmt::format("inode {} ({})", inode.nid, index_.path(id_));
    }

    Image& image_;
    const Index& index_;
    Findings& findings_;
    std::uint64_t chunks_left_;
    NodeId id_ = 0;
    std::vector<Extent> extents_;
};

void InodeCheck::check(NodeId id, std::uint64_t names) {
    id_ = id;
    const auto inode = image_.inode(index_.node(id).nid);
    if (!inode)
        return;
    check_links(*inode, names);
    check_extents(*inode);
    if (inode->xattr_size != 0) {
        if (auto xattrs = image_.xattrs(*inode); !xattrs)
            findings_.add(xattrs.error(), label(*inode), make_again);
    }
    if (inode->is_symlink() && inode->size > 4096)
        findings_.add({Severity::error, inode->offset + 8, label(*inode), "size",
                       fmt::format("a symbolic link of {} bytes", inode->size), make_again});
}

void InodeCheck::check_links(const Inode& inode, std::uint64_t names) {
    std::uint64_t expected = names;
    if (inode.is_directory()) {
        expected = 2;
        const Index::Children children = index_.children(id_);
        for (NodeId child = children.first; child < children.first + children.count; ++child)
            expected += index_.node(child).is_directory() ? 1 : 0;
    }
    if (inode.nlink != expected)
        findings_.add({Severity::warning, inode.offset + 6, label(inode), "nlink",
                       fmt::format("{} links are said, {} are there", inode.nlink, expected),
                       "reading is not affected"});
}

void InodeCheck::check_extents(const Inode& inode) {
    if (is_compressed(inode.layout))
        return;
    const bool chunked = inode.layout == Layout::chunk_based;
    Image::ChunkTable table;
    if (chunked) {
        auto found = image_.chunk_table(inode);
        if (!found || found->count > chunks_left_)
            return;
        table = *found;
        chunks_left_ -= table.count;
    }
    extents_.clear();
    if (!image_.map_into(inode, 0, inode.size, extents_))
        return;
    for (const Extent& extent : extents_) {
        if (extent.kind == ExtentKind::hole)
            continue;
        std::uint64_t end = image_.size();
        if (extent.device != 0) {
            end = image_.devices()[extent.device - 1U].blocks << image_.superblock().block_bits;
            if (end == 0) // its slot says no size
                continue;
        }
        if (extent.address <= end && extent.length <= end - extent.address)
            continue;
        const std::uint64_t where =
            chunked ? table.offset + (extent.offset >> inode.chunk_bits) * table.width
                    : inode.offset + 16;
        findings_.add(
            {Severity::error, where, label(inode), chunked ? "chunk address" : "startblk",
             fmt::format("bytes {} to {} lie past the end of device {}, which is at {}",
                         extent.address, extent.address + extent.length, extent.device, end),
             extent.device == 0 ? "the image is truncated, or was made wrongly"
                                : "make the image again with all its blobs"});
        return; // one for a file
    }
}

} // namespace

void check_directories(Image& image, const Index& index, Findings& findings) {
    DirectoryCheck check(image, index, findings);
    for (std::size_t i = 0; i < index.size(); ++i) {
        if (index.nodes()[i].is_directory())
            check.check(static_cast<NodeId>(i));
    }
}

void check_inodes(Image& image, const Index& index, Findings& findings) {
    std::vector<NodeId> order(index.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = static_cast<NodeId>(i);
    std::ranges::sort(order, {}, [&](NodeId id) { return std::pair{index.node(id).nid, id}; });
    InodeCheck check(image, index, findings);
    std::uint64_t inodes = 0;
    std::uint64_t compressed = 0;
    for (std::size_t i = 0; i < order.size();) {
        std::size_t end = i + 1;
        while (end < order.size() && index.node(order[end]).nid == index.node(order[i]).nid)
            ++end;
        if (index.node(order[i]).mode != 0)
            check.check(order[i], end - i);
        ++inodes;
        compressed += is_compressed(index.node(order[i]).layout) ? 1 : 0;
        i = end;
    }
    if (compressed != 0)
        findings.add({Severity::note, no_offset, "inodes", "layout",
                      fmt::format("compressed files, whose data is not checked: {}", compressed),
                      "this program does not read them yet"});
    const Superblock& super = image.superblock();
    if (inodes > super.inodes)
        findings.add({Severity::warning, super_offset + 16, "superblock", "inos",
                      fmt::format("{} inodes are said, {} are there", super.inodes, inodes),
                      "reading is not affected"});
}

} // namespace coldscope::erofs
