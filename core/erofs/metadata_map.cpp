#include "core/erofs/metadata_map.h"

#include <algorithm>

namespace coldscope::erofs {

namespace {

// How many spans before a byte are looked at: those of a sound image don't overlap.
constexpr std::ptrdiff_t most_looked_at = 64;

} // namespace

void MetadataMap::add(bool in_metabox, Span span) {
    if (span.begin >= span.end)
        return;
    std::vector<Span>& spans = spans_[in_metabox ? 1 : 0];
    if (room_.grow(spans, 1))
        spans.push_back(span);
    else
        ++left_out_;
}

void MetadataMap::seal() {
    for (std::vector<Span>& spans : spans_)
        std::ranges::sort(spans, [](const Span& a, const Span& b) {
            return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
        });
}

std::optional<Span> MetadataMap::at(bool in_metabox, std::uint64_t offset) const {
    const std::vector<Span>& spans = spans_[in_metabox ? 1 : 0];
    auto here = std::ranges::upper_bound(spans, offset, {}, &Span::begin);
    for (std::ptrdiff_t i = 0; i < most_looked_at && here != spans.begin(); ++i) {
        --here;
        if (offset < here->end)
            return *here;
    }
    return std::nullopt;
}

const char* name(Structure structure) {
    switch (structure) {
    case Structure::none:
        break;
    case Structure::superblock:
        return "superblock";
    case Structure::device_slot:
        return "device slot";
    case Structure::inode:
        return "inode";
    case Structure::xattrs:
        return "xattr area";
    case Structure::shared_xattr:
        return "shared xattr";
    case Structure::xattr_prefix:
        return "long xattr prefix";
    case Structure::chunk_table:
        return "chunk table";
    case Structure::directory_block:
        return "directory block";
    case Structure::map_header:
        return "map header";
    case Structure::cluster_index:
        return "cluster index";
    case Structure::bytes:
        return "bytes";
    }
    return "";
}

} // namespace coldscope::erofs
