// The extended attributes of inodes, for check_image(): each entry, its prefix, the filter that
// look-ups ask first, fingerprints, and the shared ones.
#include "core/base/checked.h"
#include "core/erofs/check_parts.h"

#define XXH_INLINE_ALL
#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <xxhash.h>

namespace coldscope::erofs {

namespace {

constexpr std::uint32_t filter_seed = 0x25BBE08F;
constexpr std::uint32_t filter_bits = 32;
constexpr std::uint8_t short_prefix_count = 7; // 0: none
constexpr std::uint64_t shared_unit = 4;       // bytes that shared ids count

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool shared_in_metabox(const Superblock& super) {
    return super.has(incompat::metabox) && super.has_compat(compat::shared_xattrs_in_metabox);
}

} // namespace

XattrCheck::XattrCheck(Image& image, const Index& index, MetadataMap& map, Findings& findings)
    : image_(image), index_(index), map_(map), findings_(findings), bytes_left_(image.size()) {}

void XattrCheck::add(Severity severity, bool in_metabox, std::uint64_t offset, const char* field,
                     std::string value, std::string message, const char* advice) {
    if (findings_.full()) {
        findings_.count(severity);
        return;
    }
    Finding finding{
        severity, offset,          label("inode", index_, node_), field, std::move(message),
        advice,   std::move(value)};
    finding.in_metabox = in_metabox;
    findings_.add(std::move(finding));
}

bool XattrCheck::read_area(const Inode& inode) {
    if (inode.xattr_size > bytes_left_) {
        if (!overlap_told_)
            add(Severity::error, inode.in_metabox(), inode.offset + 2, "xattr_icount", {},
                "there are more bytes of xattrs than the image has room for: their areas overlap");
        overlap_told_ = true;
        return false;
    }
    bytes_left_ -= inode.xattr_size;
    area_.clear();
    while (area_.size() < inode.xattr_size) {
        const std::size_t part =
            std::min<std::size_t>(inode.xattr_size - area_.size(), MetaReader::max_view);
        const auto bytes = image_.metadata(inode.in_metabox(), inode.xattr_offset() + area_.size(),
                                           part, "xattr area");
        if (!bytes) {
            findings_.add(bytes.error(), label("inode", index_, node_), make_again,
                          inode.in_metabox());
            return false;
        }
        area_.insert(area_.end(), bytes->begin(), bytes->end());
    }
    return true;
}

void XattrCheck::check(const Inode& inode, NodeId node) {
    node_ = node;
    if (inode.xattr_size == 0)
        return;
    if (inode.xattr_size <= xattr_header_size) {
        add(Severity::error, inode.in_metabox(), inode.offset + 2, "xattr_icount", {},
            fmt::format("an xattr area of only {} bytes holds nothing", inode.xattr_size));
        return;
    }
    if (!read_area(inode))
        return;
    Cursor at(area_, inode.xattr_offset());
    const std::uint32_t filter = at.u32();
    const std::size_t count = at.u8();
    at.skip(7);
    if (count > at.left() / sizeof(std::uint32_t)) {
        add(Severity::error, inode.in_metabox(), inode.xattr_offset() + 4, "shared_count",
            std::to_string(count),
            fmt::format("{} shared xattrs do not fit in the {} bytes that the inode gives them",
                        count, at.left()));
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t where = at.offset();
        shared_.push_back(
            {at.u32(), filter, node, static_cast<std::uint16_t>(i), inode.in_metabox(), where});
    }
    check_entries(inode, at.at(), filter);
    if (shared_.size() >= most_shared)
        check_shared();
}

void XattrCheck::check_entries(const Inode& inode, std::size_t from, std::uint32_t filter) {
    names_.clear();
    Cursor at(area_, inode.xattr_offset());
    at.seek(from);
    while (at.left() >= xattr_entry_size) {
        Entry entry;
        entry.offset = at.offset();
        const std::size_t left = at.left();
        const XattrEntryHeader header = parse_xattr_entry_header(at);
        const std::size_t size = align_up(header.size(), std::size_t{4});
        if (size == xattr_entry_size && header.name_index == 0)
            continue; // padding
        if (size > left) {
            add(Severity::error, inode.in_metabox(), entry.offset, "value_size",
                std::to_string(header.value_size),
                fmt::format("an entry of {} bytes, where {} are left of the area", size, left));
            return;
        }
        entry.index = header.name_index;
        entry.name = text_of(at.bytes(header.name_length));
        entry.value = text_of(at.bytes(header.value_size));
        at.skip(size - header.size());
        check_prefix(entry, inode.in_metabox());
        check_filter(entry, filter, inode.in_metabox());
        if (inode.is_regular())
            check_fingerprint(entry, inode.in_metabox());
        names_.push_back(static_cast<char>(entry.index) + entry.name);
    }
    std::ranges::sort(names_);
    if (const auto twice = std::ranges::adjacent_find(names_); twice != names_.end())
        add(Severity::error, inode.in_metabox(), inode.xattr_offset(), "name", twice->substr(1),
            "two xattrs of one name: only the first is found");
}

void XattrCheck::check_prefix(const Entry& entry, bool in_metabox) {
    const auto prefixes = image_.xattr_prefixes();
    if (!prefixes) // listed once, for the superblock
        return;
    const bool is_long = (entry.index & xattr_long_prefix) != 0;
    const std::size_t number = entry.index & ~xattr_long_prefix;
    if (is_long && number >= prefixes->size())
        add(Severity::error, in_metabox, entry.offset + 1, "name_index",
            fmt::format("{:#x}", entry.index),
            fmt::format("long prefix {}, but the image has {} of them", number, prefixes->size()));
    else if (!is_long && number >= short_prefix_count)
        add(Severity::error, in_metabox, entry.offset + 1, "name_index", std::to_string(number),
            "there is no such name prefix");
}

void XattrCheck::check_filter(const Entry& entry, std::uint32_t filter, bool in_metabox) {
    const Superblock& super = image_.superblock();
    if (!super.has_compat(compat::xattr_filter) || super.xattr_filter_reserved != 0)
        return;
    std::string name = entry.name;
    std::uint32_t base = entry.index;
    if ((entry.index & xattr_long_prefix) != 0) {
        const auto prefixes = image_.xattr_prefixes();
        const std::size_t number = entry.index & ~xattr_long_prefix;
        if (!prefixes || number >= prefixes->size())
            return;
        base = (*prefixes)[number].base;
        name.insert(0, (*prefixes)[number].infix);
    }
    const std::uint32_t bit = XXH32(name.data(), name.size(), filter_seed + base) % filter_bits;
    if ((filter >> bit & 1U) != 0)
        add(Severity::error, in_metabox, entry.offset, "name_filter",
            fmt::format("{:#010x}", filter),
            fmt::format("bit {} of the inode's filter says that there is no \"{}\": the kernel "
                        "will not find it",
                        bit, name));
}

void XattrCheck::check_fingerprint(const Entry& entry, bool in_metabox) {
    const Superblock& super = image_.superblock();
    if (!super.has_compat(compat::inode_share_xattrs) || !entry.name.empty() ||
        entry.index != (super.share_prefix_id | xattr_long_prefix))
        return;
    if (!entry.value.starts_with(digest_name) ||
        entry.value.size() != digest_name.size() + digest_size)
        add(Severity::warning, in_metabox, entry.offset, "fingerprint",
            fmt::format("{} bytes", entry.value.size()),
            "this is not \"sha256:\" and 32 bytes: files may share pages that differ, or none",
            "make the image again with --xattr-inode-digest, or mount it without inode_share");
}

void XattrCheck::check_shared() {
    std::ranges::sort(shared_, [](const Shared& a, const Shared& b) {
        return a.id != b.id ? a.id < b.id : a.node < b.node;
    });
    for (std::size_t i = 0; i < shared_.size();) {
        std::size_t end = i + 1;
        while (end < shared_.size() && shared_[end].id == shared_[i].id)
            ++end;
        check_shared(&shared_[i], shared_.data() + end);
        i = end;
    }
    shared_.clear();
}

void XattrCheck::check_shared(const Shared* begin, const Shared* end) {
    const Superblock& super = image_.superblock();
    const bool boxed = shared_in_metabox(super);
    const std::uint64_t offset =
        (std::uint64_t{super.xattr_block} << super.block_bits) + begin->id * shared_unit;
    Entry entry;
    entry.offset = offset;
    std::string wrong;
    if (auto head = image_.metadata(boxed, offset, xattr_entry_size, "shared xattr"); !head) {
        wrong = fmt::format("shared xattr {} is at byte {}, past the end", begin->id, offset);
    } else {
        Cursor at(*head, offset);
        const XattrEntryHeader header = parse_xattr_entry_header(at);
        const auto name = image_.metadata(boxed, offset + xattr_entry_size, header.name_length,
                                          "name of a shared xattr");
        const auto last = header.value_size == 0
                              ? name
                              : image_.metadata(boxed, offset + header.size() - 1, 1, "value");
        if (!name || !last)
            wrong = fmt::format("shared xattr {} at byte {} ends past the end", begin->id, offset);
        else
            map_.add(boxed, {offset, offset + header.size(), 0, SpanKind::shared_xattr});
        entry.index = header.name_index;
    }
    // The name is asked for again: the view of it ended with that of the value.
    if (wrong.empty()) {
        auto head = image_.metadata(boxed, offset, xattr_entry_size, "shared xattr");
        Cursor at(*head, offset);
        const std::size_t length = at.u8();
        if (const auto name = image_.metadata(boxed, offset + xattr_entry_size, length, "name"))
            entry.name = text_of(*name);
        node_ = begin->node;
        check_prefix(entry, boxed);
    }
    for (const Shared* reference = begin; reference != end; ++reference) {
        node_ = reference->node;
        if (!wrong.empty())
            add(Severity::error, reference->in_metabox, reference->at, "shared xattr id",
                std::to_string(reference->id), wrong);
        else
            check_filter(entry, reference->filter, boxed);
    }
}

} // namespace coldscope::erofs
