// The extended attributes of an image's inodes.
#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/erofs/image.h"
#include "core/erofs/read.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::uint64_t id_unit = 4; // bytes: what shared ids and the prefixes' start count

} // namespace

Result<std::vector<Xattr>> Image::xattrs(const Inode& inode) {
    std::vector<Xattr> result;
    if (inode.xattr_size == 0)
        return result;
    if (inode.xattr_size <= xattr_header_size)
        return failure(
            Code::corrupt,
            fmt::format("inode {}: an xattr area of only {} bytes", inode.nid, inode.xattr_size),
            inode.offset + 2);
    // The area can be larger than one view: 12 + 4 * 65534 bytes.
    std::vector<std::byte> area;
    area.reserve(inode.xattr_size);
    while (area.size() < inode.xattr_size) {
        const std::size_t part =
            std::min<std::size_t>(inode.xattr_size - area.size(), MetaReader::max_view);
        COLDSCOPE_TRY(
            const auto bytes,
            metadata(inode.in_metabox(), inode.xattr_offset() + area.size(), part, "xattr area"));
        area.insert(area.end(), bytes.begin(), bytes.end());
    }
    COLDSCOPE_TRY(const auto prefixes, xattr_prefixes());

    Cursor at(area, inode.xattr_offset());
    COLDSCOPE_TRY(const XattrHeader header, parse_xattr_header(at));
    for (const std::uint32_t id : header.shared_ids) {
        COLDSCOPE_TRY(MetaReader * from, shared_xattr_area());
        COLDSCOPE_TRY(Xattr xattr, xattr_at(*from, shared_xattr_offset(id)));
        xattr.shared = true;
        result.push_back(std::move(xattr));
    }
    // What is left after the last entry is zero padding, shorter than an entry or all zero.
    while (at.left() >= xattr_entry_size) {
        Cursor peek = at;
        const XattrEntryHeader entry = parse_xattr_entry_header(peek);
        if (entry.name_length == 0 && entry.name_index == 0 && entry.value_size == 0)
            break;
        COLDSCOPE_TRY(Xattr xattr, parse_xattr_entry(at, prefixes));
        result.push_back(std::move(xattr));
        at.skip(std::min(at.left(), align_up(entry.size(), std::size_t{4}) - entry.size()));
    }
    return result;
}

Result<MetaReader*> Image::shared_xattr_area() {
    if (super_.has(incompat::metabox) && super_.has_compat(compat::shared_xattrs_in_metabox))
        return metabox();
    return &meta_;
}

std::uint64_t Image::shared_xattr_offset(std::uint32_t id) const {
    return (std::uint64_t{super_.xattr_block} << super_.block_bits) + id * id_unit;
}

Result<std::optional<std::string>> Image::xattr(const Inode& inode, std::string_view name) {
    if (inode.xattr_size <= xattr_header_size)
        return std::nullopt;
    MetaReader* own = &meta_;
    if (inode.in_metabox()) {
        COLDSCOPE_TRY(own, metabox());
    }
    std::uint64_t at = inode.xattr_offset();
    const std::uint64_t end = at + inode.xattr_size;
    constexpr std::size_t most_header = xattr_header_size + 255 * sizeof(std::uint32_t);
    COLDSCOPE_TRY(auto bytes, own->view(at, std::min<std::size_t>(inode.xattr_size, most_header),
                                        "xattr header"));
    Cursor head(bytes, at);
    COLDSCOPE_TRY(const XattrHeader header, parse_xattr_header(head));
    at = head.offset();
    const auto entry_at = [](MetaReader& area, std::uint64_t offset) -> Result<XattrEntryHeader> {
        COLDSCOPE_TRY(const auto entry, area.view(offset, xattr_entry_size, "xattr entry"));
        Cursor cursor(entry, offset);
        return parse_xattr_entry_header(cursor);
    };
    for (const std::uint32_t id : header.shared_ids) {
        COLDSCOPE_TRY(MetaReader * shared, shared_xattr_area());
        const std::uint64_t offset = shared_xattr_offset(id);
        COLDSCOPE_TRY(const XattrEntryHeader entry, entry_at(*shared, offset));
        COLDSCOPE_TRY(auto value, xattr_value(*shared, offset, entry, name));
        if (value)
            return value;
    }
    while (end - at >= xattr_entry_size) {
        COLDSCOPE_TRY(const XattrEntryHeader entry, entry_at(*own, at));
        if (entry.name_length == 0 && entry.name_index == 0 && entry.value_size == 0)
            break;
        if (entry.size() > end - at)
            return failure(Code::truncated, "xattr entry", at);
        COLDSCOPE_TRY(auto value, xattr_value(*own, at, entry, name));
        if (value)
            return value;
        at += std::min<std::uint64_t>(end - at, align_up(entry.size(), std::size_t{4}));
    }
    return std::nullopt;
}

// Where the entry at this offset has that name.
Result<std::optional<std::string>> Image::xattr_value(MetaReader& area, std::uint64_t offset,
                                                      const XattrEntryHeader& entry,
                                                      std::string_view name) {
    COLDSCOPE_TRY(const auto prefixes, xattr_prefixes());
    COLDSCOPE_TRY(const std::string prefix, xattr_prefix(entry, prefixes, offset));
    const std::uint64_t rest_at = offset + xattr_entry_size;
    if (prefix.size() + entry.name_length != name.size() || !name.starts_with(prefix))
        return std::nullopt;
    COLDSCOPE_TRY(auto bytes, area.view(rest_at, entry.name_length, "xattr name"));
    if (std::memcmp(bytes.data(), name.data() + prefix.size(), bytes.size()) != 0)
        return std::nullopt;
    COLDSCOPE_TRY(bytes, area.view(rest_at + entry.name_length, entry.value_size, "xattr value"));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<Xattr> Image::xattr_at(MetaReader& area, std::uint64_t offset) {
    COLDSCOPE_TRY(const auto prefixes, xattr_prefixes());
    COLDSCOPE_TRY(auto bytes, area.view(offset, xattr_entry_size, "shared xattr"));
    Cursor head(bytes, offset);
    const std::size_t size = parse_xattr_entry_header(head).size();
    std::vector<std::byte> whole; // at most 4 + 255 + 65535 bytes: more than one view
    while (whole.size() < size) {
        const std::size_t part = std::min(size - whole.size(), MetaReader::max_view);
        COLDSCOPE_TRY(bytes, area.view(offset + whole.size(), part, "shared xattr"));
        whole.insert(whole.end(), bytes.begin(), bytes.end());
    }
    Cursor at(whole, offset);
    return parse_xattr_entry(at, prefixes);
}

Result<std::span<const XattrPrefix>> Image::xattr_prefixes() {
    if (!prefixes_) {
        COLDSCOPE_TRY(prefixes_, read_xattr_prefixes());
    }
    return std::span<const XattrPrefix>(*prefixes_);
}

// The table lies in the metabox or the packed inode where the image has one and does not say
// "plain", and otherwise in the primary device.
Result<std::vector<XattrPrefix>> Image::read_xattr_prefixes() {
    std::vector<XattrPrefix> prefixes;
    if (super_.xattr_prefix_count == 0)
        return prefixes;
    std::unique_ptr<MetaReader> packed;
    MetaReader* table = &meta_;
    if (!super_.has_compat(compat::plain_xattr_prefixes)) {
        if (super_.metabox_nid != 0) {
            COLDSCOPE_TRY(table, metabox());
        } else if (super_.packed_nid != 0) {
            COLDSCOPE_TRY(const Inode inode, packed_inode());
            packed = std::make_unique<MetaReader>(nested(inode));
            table = packed.get();
        }
    }
    std::uint64_t at = super_.xattr_prefix_start * id_unit;
    for (std::size_t i = 0; i < super_.xattr_prefix_count; ++i) {
        COLDSCOPE_TRY(auto bytes, table->view(at, 2, "long xattr prefix"));
        const std::uint16_t length = load_le<std::uint16_t>(bytes.data());
        if (length < 1 || length > max_name_length + 1)
            return failure(Code::corrupt, fmt::format("long xattr prefix {}: {} bytes", i, length),
                           at);
        COLDSCOPE_TRY(bytes, table->view(at + 2, length, "long xattr prefix"));
        Cursor cursor(bytes, at + 2);
        XattrPrefix prefix;
        prefix.base = cursor.u8();
        const auto infix = cursor.bytes(length - std::size_t{1});
        prefix.infix.assign(reinterpret_cast<const char*>(infix.data()), infix.size());
        prefixes.push_back(std::move(prefix));
        at = align_up<std::uint64_t>(at + 2 + length, id_unit);
    }
    return prefixes;
}

} // namespace coldscope::erofs
