// From a byte of the image to its structure and field.
#include "core/erofs/fields.h"

#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/erofs/lcluster.h"

#include <algorithm>
#include <array>

namespace coldscope::erofs {

namespace {

constexpr std::uint64_t most_shown = MetaReader::max_view; // bytes of one structure
constexpr std::uint64_t map_header_size = 8;               // bytes; those of a full index, too
constexpr std::uint64_t table_part = 4096;                 // bytes of a long chunk table

Place clipped(Place place) {
    place.length = std::min(place.length, most_shown);
    return place;
}

Place place_in_inode(Image& image, const Span& span, bool in_metabox, std::uint64_t offset) {
    Place place{Structure::inode, in_metabox, 0, span.begin, compact_inode_size, 0};
    const auto inode = image.inode(span.nid);
    if (!inode)
        return place;
    place.length = inode->slot_size;
    if (offset < inode->xattr_offset())
        return place;
    place.offset = inode->xattr_offset();
    place.length = inode->xattr_size;
    if (offset < inode->body_offset()) {
        place.structure = Structure::xattrs;
        return clipped(place);
    }
    place.offset = inode->body_offset();
    place.length = span.end - place.offset;
    place.structure = inode->is_directory() && inode->layout == Layout::flat_inline
                          ? Structure::directory_block
                          : Structure::bytes;
    if (is_compressed(inode->layout)) {
        place.offset = align_up<std::uint64_t>(inode->body_offset(), map_header_size);
        place.structure = Structure::map_header;
        place.length = map_header_size;
        const std::uint64_t index = place.offset + 2 * map_header_size;
        const auto header = read_map_header(image, *inode);
        if (header && header->has_records)
            place.unit = static_cast<std::uint8_t>(header->record_size());
        if (inode->layout != Layout::compressed_full || offset < index || !header ||
            header->has_records)
            return place;
        place.structure = Structure::cluster_index;
        place.unit = map_header_size;
        const std::uint64_t start = (offset - index) - (offset - index) % table_part;
        place.first = start / place.unit;
        place.offset = index + start;
        place.length = std::min(table_part, span.end - place.offset);
        return place;
    }
    if (const auto table = image.chunk_table(*inode);
        inode->layout == Layout::chunk_based && table) {
        place.structure = Structure::chunk_table;
        place.unit = static_cast<std::uint8_t>(table->width);
        const std::uint64_t within = offset < table->offset ? 0 : offset - table->offset;
        const std::uint64_t start = within - within % table_part;
        place.first = start / table->width;
        place.offset = table->offset + start;
        place.length = std::min(table_part, table->count * table->width - start);
    }
    return clipped(place);
}

Place place_in_span(Image& image, const Span& span, bool in_metabox, std::uint64_t offset) {
    Place place{Structure::bytes, in_metabox, 0, span.begin, span.end - span.begin, 0};
    switch (span.kind) {
    case SpanKind::superblock:
        place.structure = Structure::superblock;
        break;
    case SpanKind::device_table:
        place.structure = Structure::device_slot;
        place.offset = offset - (offset - span.begin) % device_slot_size;
        place.length = device_slot_size;
        break;
    case SpanKind::xattr_prefixes:
        place.structure = Structure::xattr_prefix;
        break;
    case SpanKind::shared_xattr:
        place.structure = Structure::shared_xattr;
        break;
    case SpanKind::inode:
    case SpanKind::bad_inode:
        return place_in_inode(image, span, in_metabox, offset);
    case SpanKind::directory: {
        const std::uint64_t block = image.superblock().block_size();
        place.structure = Structure::directory_block;
        place.offset = offset - (offset - span.begin) % block;
        place.length = std::min(block, span.end - place.offset);
        break;
    }
    case SpanKind::symlink:
    case SpanKind::metabox:
    case SpanKind::packed:
        break;
    }
    return clipped(place);
}

} // namespace

Place place_at(Image& image, const MetadataMap& map, bool in_metabox, std::uint64_t offset) {
    const auto span = map.at(in_metabox, offset);
    if (!span)
        return {};
    if (!in_metabox && span->kind == SpanKind::metabox) {
        const std::uint64_t inside = offset - span->begin + span->nid;
        if (const Place place = place_at(image, map, true, inside);
            place.structure != Structure::none)
            return place;
    }
    return place_in_span(image, *span, in_metabox, offset);
}

Result<std::vector<std::byte>> place_bytes(Image& image, const Place& place) {
    std::uint64_t length = std::min(place.length, most_shown);
    if (!place.in_metabox)
        length = std::min(length, image.size() - std::min(image.size(), place.offset));
    COLDSCOPE_TRY(const auto bytes,
                  image.metadata(place.in_metabox, place.offset, static_cast<std::size_t>(length),
                                 name(place.structure)));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
}

std::optional<std::size_t> field_of(const Finding& finding, std::span<const Field> fields) {
    std::optional<std::size_t> here;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (finding.offset >= fields[i].offset &&
            finding.offset - fields[i].offset < fields[i].width)
            here = i;
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].name == finding.field && (!here || fields[i].group == fields[*here].group))
            return i;
    }
    return here;
}

namespace {

// bytes: those of the finding's place.
void name_field(const Superblock& super, std::span<const std::byte> bytes, Finding& finding) {
    const std::vector<Field> fields = fields_of(super, finding.place, bytes);
    Finding sought = finding;
    // An offset in the primary device, of what is in the metabox: its field is not told by it.
    if (finding.place.in_metabox != finding.in_metabox)
        sought.offset = no_offset;
    const auto field = field_of(sought, fields);
    if (!field)
        return;
    if (finding.field.empty())
        finding.field = fields[*field].name;
    if (finding.value.empty() && finding.field == fields[*field].name)
        finding.value = fields[*field].value;
}

} // namespace

void locate_findings(Image& image, const MetadataMap& map, Findings& findings) {
    for (Finding& finding : findings.list()) {
        // What is missing behind the end is the superblock's word against the file's.
        if (finding.structure == name(Structure::superblock))
            finding.place = {Structure::superblock,     false, 0, super_offset,
                             image.superblock().size(), 0};
        else if (finding.offset != no_offset && finding.place.structure == Structure::none)
            finding.place = place_at(image, map, finding.in_metabox, finding.offset);
        if (finding.place.structure == Structure::none)
            continue;
        if (const auto bytes = place_bytes(image, finding.place))
            name_field(image.superblock(), *bytes, finding);
    }
}

void locate_in_superblock(ReadAt& primary, Findings& findings) {
    std::array<std::byte, super_size> bytes{};
    if (!primary.read(super_offset, bytes))
        return;
    Cursor features(bytes, super_offset);
    features.skip(80);
    Superblock super;
    super.feature_incompat = features.u32();
    for (Finding& finding : findings.list()) {
        if (finding.offset < super_offset || finding.offset >= super_offset + super_size)
            continue;
        finding.place = {Structure::superblock, false, 0, super_offset, super_size, 0};
        name_field(super, bytes, finding);
    }
}

} // namespace coldscope::erofs
