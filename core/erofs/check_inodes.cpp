// Inodes of an image, for check_image(): what they say, and where they and their bytes lie. What
// the index's builder has listed already is not listed again.
#include "core/base/checked.h"
#include "core/erofs/check_parts.h"

#include <algorithm>
#include <span>
#include <vector>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

class InodeCheck {
public:
    InodeCheck(Image& image, const Index& index, MetadataMap& map, Findings& findings)
        : image_(image), index_(index), map_(map), findings_(findings),
          xattrs_(image, index, map, findings), compressed_(image, findings),
          chunks_left_(image.size() / 4) {}
    // id: the first node of its inode; names: how many there are.
    void check(NodeId id, std::uint64_t names);
    void check_shared_xattrs() { xattrs_.check_shared(); }
    // The packed inode and the metabox, which have no names.
    void check_nameless();

private:
    void check_links(const Inode& inode, std::uint64_t names);
    // Returns how many bytes of it lie behind the inode.
    std::uint64_t check_extents(const Inode& inode);
    void check_extent(const Inode& inode, const Extent& extent);
    void check_crossing(const Inode& inode, const Extent& before, const Extent& extent);
    void check_symlink(const Inode& inode);
    void place(const Inode& inode, const Extent& extent);
    [[nodiscard]] std::uint64_t chunk_at(const Inode& inode, std::uint64_t file_offset) const;
    void add(Severity severity, const Inode& inode, std::uint64_t offset, const char* field,
             std::string value, std::string message, const char* advice = make_again);

    Image& image_;
    const Index& index_;
    MetadataMap& map_;
    Findings& findings_;
    XattrCheck xattrs_;
    CompressedCheck compressed_;
    std::uint64_t chunks_left_;
    NodeId id_ = 0;
    Image::ChunkTable table_;
    std::vector<Extent> extents_; // a part of the inode's
    bool past_end_told_ = false;  // of this inode
};

void InodeCheck::add(Severity severity, const Inode& inode, std::uint64_t offset, const char* field,
                     std::string value, std::string message, const char* advice) {
    if (findings_.full()) {
        findings_.count(severity);
        return;
    }
    Finding finding{
        severity, offset,          label("inode", index_, id_), field, std::move(message),
        advice,   std::move(value)};
    finding.in_metabox = inode.in_metabox();
    findings_.add(std::move(finding));
}

void InodeCheck::check(NodeId id, std::uint64_t names) {
    id_ = id;
    const auto inode = image_.inode(index_.node(id).nid);
    if (!inode)
        return;
    check_links(*inode, names);
    const std::uint64_t behind = check_extents(*inode);
    std::uint64_t end = inode->body_offset();
    if (is_compressed(inode->layout))
        end = compressed_.check(*inode, {inode->nid, &index_, id});
    else if (table_.count != 0)
        end = table_.offset + table_.count * table_.width;
    map_.add(inode->in_metabox(), {inode->offset, end + behind, inode->nid, SpanKind::inode});
    xattrs_.check(*inode, id);
    if (inode->is_symlink())
        check_symlink(*inode);
    else if (inode->size != 0 && !inode->is_regular() && !inode->is_directory())
        add(Severity::error, *inode, inode->offset + 8, "size", std::to_string(inode->size),
            "a pipe, socket or device has no bytes");
    if (inode->mtime_nsec >= 1'000'000'000 && inode->slot_size == extended_inode_size)
        add(Severity::warning, *inode, inode->offset + 40, "mtime_nsec",
            std::to_string(inode->mtime_nsec), "a second has 1,000,000,000 nanoseconds");
}

void InodeCheck::check_nameless() {
    const Superblock& super = image_.superblock();
    for (const std::uint64_t nid : {super.packed_nid, super.metabox_nid}) {
        if (nid == 0 || index_.node_of_nid(nid))
            continue;
        if (const auto inode = image_.inode(nid); inode && is_compressed(inode->layout))
            map_.add(false,
                     {inode->offset, compressed_.check(*inode, {nid}), nid, SpanKind::inode});
    }
}

void InodeCheck::check_symlink(const Inode& inode) {
    if (inode.size > 4096)
        add(Severity::error, inode, inode.offset + 8, "size", std::to_string(inode.size),
            fmt::format("a symbolic link of {} bytes", inode.size));
    else if (inode.size == 0)
        add(Severity::warning, inode, inode.offset + 8, "size", "0", "a symbolic link to nothing");
}

// Where a directory's or link's bytes lie.
void InodeCheck::place(const Inode& inode, const Extent& extent) {
    if (extent.kind != ExtentKind::data || extent.device != 0 || inode.is_regular())
        return;
    const std::uint64_t begin = std::min(extent.address, image_.size());
    const std::uint64_t length = std::min(extent.length, image_.size() - begin);
    map_.add(false, {begin, begin + length, inode.nid,
                     inode.is_directory() ? SpanKind::directory : SpanKind::symlink});
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
        add(Severity::warning, inode,
            inode.offset + (inode.slot_size == extended_inode_size ? 44 : 6), "nlink",
            std::to_string(inode.nlink),
            fmt::format("{} links are said, {} are there", inode.nlink, expected),
            "reading is not affected");
}

std::uint64_t InodeCheck::check_extents(const Inode& inode) {
    table_ = {};
    past_end_told_ = false;
    if (is_compressed(inode.layout))
        return 0;
    if (inode.layout == Layout::chunk_based) {
        auto found = image_.chunk_table(inode);
        if (!found || found->count > chunks_left_)
            return 0;
        table_ = *found;
        chunks_left_ -= table_.count;
    }
    std::uint64_t behind = 0;
    Extent before;
    for (std::uint64_t at = 0; at < inode.size;) {
        extents_.clear();
        const auto reached = image_.map_some(inode, at, inode.size, checked_at_once, extents_);
        if (!reached)
            break;
        for (const Extent& extent : extents_) {
            check_extent(inode, extent);
            if (extent.offset != 0)
                check_crossing(inode, before, extent);
            place(inode, extent);
            if (extent.kind == ExtentKind::inline_tail)
                behind += extent.length;
            before = extent;
        }
        at = *reached;
    }
    return behind;
}

std::uint64_t InodeCheck::chunk_at(const Inode& inode, std::uint64_t file_offset) const {
    return inode.layout == Layout::chunk_based
               ? table_.offset + (file_offset >> inode.chunk_bits) * table_.width
               : inode.offset + 16;
}

void InodeCheck::check_extent(const Inode& inode, const Extent& extent) {
    if (!extent.is_placed() || past_end_told_)
        return;
    std::uint64_t end = image_.size();
    if (extent.device != 0) {
        end = image_.devices()[extent.device - 1U].blocks << image_.superblock().block_bits;
        if (end == 0) // its slot says no size
            return;
    }
    if (extent.address <= end && extent.length <= end - extent.address)
        return;
    past_end_told_ = true;
    // The chunk that the end is in, of a run of them.
    const std::uint64_t inside = extent.address < end ? end - extent.address : 0;
    add(Severity::error, inode, chunk_at(inode, extent.offset + inside),
        inode.layout == Layout::chunk_based ? "chunk address" : "startblk",
        fmt::format("block {}", (extent.address + inside) >> image_.superblock().block_bits),
        fmt::format("bytes {} to {} lie past the end of device {}, which is at {}", extent.address,
                    extent.address + extent.length, extent.device, end),
        extent.device == 0 ? "the image is truncated, or was made wrongly"
                           : "make the image again with all its blobs");
}

// One chunk, or a flat file's run, of which the first part is on one device and the next on
// another: a chunk never crosses a device's end.
void InodeCheck::check_crossing(const Inode& inode, const Extent& before, const Extent& extent) {
    if (before.kind != ExtentKind::data || extent.kind != ExtentKind::data ||
        before.device == extent.device)
        return;
    if (inode.layout == Layout::chunk_based &&
        (extent.offset & ((std::uint64_t{1} << inode.chunk_bits) - 1)) == 0)
        return;
    add(Severity::error, inode, chunk_at(inode, extent.offset - 1),
        inode.layout == Layout::chunk_based ? "chunk address" : "startblk",
        fmt::format("block {}", before.address >> image_.superblock().block_bits),
        fmt::format("it runs from device {} across the end into device {}", before.device,
                    extent.device));
}

} // namespace

void check_inodes(Image& image, const Index& index, MetadataMap& map, Findings& findings) {
    const std::span<const NodeId> order = index.by_nid();
    InodeCheck check(image, index, map, findings);
    std::uint64_t inodes = 0;
    for (std::size_t i = 0; i < order.size();) {
        std::size_t end = i + 1;
        while (end < order.size() && index.node(order[end]).nid == index.node(order[i]).nid)
            ++end;
        if (index.node(order[i]).mode != 0)
            check.check(order[i], end - i);
        else if (const std::uint64_t nid = index.node(order[i]).nid;
                 const auto offset = inode_offset(image.superblock(), nid))
            map.add((nid & metabox_nid_bit) != 0,
                    {*offset, *offset + compact_inode_size, nid, SpanKind::bad_inode});
        ++inodes;
        i = end;
    }
    check.check_shared_xattrs();
    check.check_nameless();
    const Superblock& super = image.superblock();
    if (inodes > super.inodes)
        findings.add({Severity::warning, super_offset + 16, "superblock", "inos",
                      fmt::format("{} inodes are said, {} are there", super.inodes, inodes),
                      "reading is not affected", std::to_string(super.inodes)});
}

} // namespace coldscope::erofs
