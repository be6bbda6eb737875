// Metadata that lies on other metadata, or on the bytes of files. Files may share their bytes.
#include "core/base/checked.h"
#include "core/erofs/check_parts.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

class OverlapCheck {
public:
    OverlapCheck(const Superblock& super, const Index& index, const MetadataMap& map,
                 Findings& findings)
        : super_(super), index_(index), map_(map), findings_(findings) {}
    void run(bool in_metabox);

private:
    [[nodiscard]] std::string say(const Span& span) const;
    void add(bool in_metabox, std::uint64_t begin, std::uint64_t end, const std::string& structure,
             const std::string& other);
    void meets_data(const Span& span, const ReverseExtent& extent);
    // An inline tail lies behind its own inode, or in the metabox with it; a fragment in the packed
    // inode. These two may have names.
    [[nodiscard]] bool belongs(const ReverseExtent& extent, const Span& span) const {
        const std::uint64_t nid = index_.node(extent.node).nid;
        return (span.kind == SpanKind::inode &&
                (span.nid == nid || span.nid == super_.packed_nid)) ||
               (span.kind == SpanKind::metabox &&
                (nid == super_.metabox_nid || (nid & metabox_nid_bit) != 0)) ||
               span.kind == SpanKind::packed;
    }

    const Superblock& super_;
    const Index& index_;
    const MetadataMap& map_;
    Findings& findings_;
};

std::string OverlapCheck::say(const Span& span) const {
    const auto named = [&](const char* what) {
        const auto node = index_.node_of_nid(span.nid);
        return node ? label(what, index_, *node) : fmt::format("{} {}", what, span.nid);
    };
    switch (span.kind) {
    case SpanKind::superblock:
        return "superblock";
    case SpanKind::device_table:
        return "device table";
    case SpanKind::xattr_prefixes:
        return "long xattr prefixes";
    case SpanKind::shared_xattr:
        return fmt::format("shared xattr at byte {}", span.begin);
    case SpanKind::inode:
    case SpanKind::bad_inode:
        return named("inode");
    case SpanKind::directory:
        return named("directory");
    case SpanKind::symlink:
        return named("symbolic link");
    case SpanKind::metabox:
        return "metabox";
    case SpanKind::packed:
        return "packed inode";
    }
    return {};
}

void OverlapCheck::add(bool in_metabox, std::uint64_t begin, std::uint64_t end,
                       const std::string& structure, const std::string& other) {
    Finding finding{
        Severity::error,
        begin,
        structure,
        {},
        fmt::format("bytes {} to {} belong to {}, too: one of the two is wrong", begin, end, other),
        make_again};
    finding.in_metabox = in_metabox;
    findings_.add(std::move(finding));
}

void OverlapCheck::meets_data(const Span& span, const ReverseExtent& extent) {
    if (belongs(extent, span))
        return;
    if (findings_.full()) {
        findings_.count(Severity::error);
        return;
    }
    add(false, std::max(span.begin, extent.address),
        std::min(span.end, extent.address + extent.length), say(span),
        fmt::format("the bytes of {}", label("file", index_, extent.node)));
}

// In order of their beginnings, each span meets what reaches farthest of those before it: one
// finding for a span is enough to see what is wrong.
void OverlapCheck::run(bool in_metabox) {
    const std::span<const Span> spans = map_.spans(in_metabox);
    const std::span<const ReverseExtent> data =
        in_metabox ? std::span<const ReverseExtent>{} : index_.reverse_maps()[0].extents();
    const Span* metadata = nullptr;
    const ReverseExtent* bytes = nullptr;
    for (std::size_t at = 0, file = 0; at < spans.size() || file < data.size();) {
        const bool data_next =
            at == spans.size() || (file < data.size() && data[file].address < spans[at].begin);
        if (data_next) {
            const ReverseExtent& extent = data[file++];
            if (metadata != nullptr && metadata->end > extent.address && extent.length != 0)
                meets_data(*metadata, extent);
            if (bytes == nullptr || extent.address + extent.length > bytes->address + bytes->length)
                bytes = &extent;
            continue;
        }
        const Span& span = spans[at++];
        if (span.kind == SpanKind::bad_inode)
            continue;
        const bool same = metadata != nullptr && metadata->kind == span.kind &&
                          metadata->begin == span.begin && metadata->nid == span.nid;
        if (metadata != nullptr && metadata->end > span.begin && !same) {
            if (findings_.full())
                findings_.count(Severity::error);
            else
                add(in_metabox, span.begin, std::min(span.end, metadata->end), say(span),
                    say(*metadata));
        }
        if (bytes != nullptr && bytes->address + bytes->length > span.begin)
            meets_data(span, *bytes);
        if (metadata == nullptr || span.end > metadata->end)
            metadata = &span;
    }
}

} // namespace

std::string label(const char* what, const Index& index, NodeId node) {
    constexpr std::size_t longest = 200; // bytes of a path
    std::string path = index.path(node);
    if (path.size() > longest)
        path.replace(0, path.size() - longest, "...");
    return fmt::format("{} {} ({})", what, index.node(node).nid, path);
}

LabelOf::operator std::string() const {
    return index != nullptr ? label("inode", *index, node) : fmt::format("inode {}", nid);
}

void add_fixed_spans(Image& image, MetadataMap& map) {
    const Superblock& super = image.superblock();
    map.add(false, {super_offset, super_offset + super.size(), 0, SpanKind::superblock});
    if (!image.devices().empty()) {
        const std::uint64_t start = image.devices().front().slot_offset;
        map.add(false, {start, start + image.devices().size() * device_slot_size, 0,
                        SpanKind::device_table});
    }
    for (const std::uint64_t nid : {super.metabox_nid, super.packed_nid}) {
        const auto inode = image.inode(nid);
        if (nid == 0 || !inode)
            continue;
        std::uint64_t end = inode->body_offset();
        std::vector<Extent> extents;
        const bool mapped = !is_compressed(inode->layout) && inode->size <= image.size();
        for (std::uint64_t at = 0; mapped && at < inode->size;) {
            extents.clear();
            at = image.map_some(*inode, at, inode->size, checked_at_once, extents)
                     .value_or(inode->size);
            for (const Extent& extent : extents) {
                if (extent.kind == ExtentKind::inline_tail)
                    end += extent.length;
                else if (extent.kind == ExtentKind::data && extent.device == 0)
                    map.add(false,
                            {extent.address, extent.address + extent.length, extent.offset,
                             nid == super.metabox_nid ? SpanKind::metabox : SpanKind::packed});
            }
        }
        if (!is_compressed(inode->layout))
            map.add(false, {inode->offset, end, nid, SpanKind::inode});
    }
    // The prefixes lie in the metabox or the packed inode, unless they are plain.
    const bool plain = super.has_compat(compat::plain_xattr_prefixes);
    if (const auto prefixes = image.xattr_prefixes();
        prefixes && (plain || super.metabox_nid != 0 || super.packed_nid == 0)) {
        const bool boxed = !plain && super.metabox_nid != 0;
        std::uint64_t at = std::uint64_t{super.xattr_prefix_start} * 4;
        for (const XattrPrefix& prefix : *prefixes) {
            const std::uint64_t end = at + 3 + prefix.infix.size();
            map.add(boxed, {at, end, 0, SpanKind::xattr_prefixes});
            at = align_up<std::uint64_t>(end, 4);
        }
    }
}

void check_overlaps(Image& image, const Index& index, const MetadataMap& map, Findings& findings) {
    OverlapCheck check(image.superblock(), index, map, findings);
    check.run(false);
    if (image.superblock().metabox_nid != 0)
        check.run(true);
}

} // namespace coldscope::erofs
