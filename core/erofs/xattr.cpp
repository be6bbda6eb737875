#include "core/erofs/xattr.h"

#include "core/erofs/format.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::array<std::string_view, 7> short_prefixes{
    "",        "user.",    "system.posix_acl_access", "system.posix_acl_default", "trusted.",
    "lustre.", "security."};

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

Result<XattrHeader> parse_xattr_header(Cursor& at) {
    XattrHeader header;
    header.name_filter = at.u32();
    const std::size_t count = at.u8();
    at.skip(7);
    if (!at.ok())
        return at.error("xattr header");
    if (count > at.left() / sizeof(std::uint32_t))
        return failure(Code::corrupt,
                       fmt::format("{} shared xattrs do not fit in the {} bytes that the inode "
                                   "gives them",
                                   count, at.left()),
                       at.offset() - 8);
    header.shared_ids.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        header.shared_ids.push_back(at.u32());
    return header;
}

XattrEntryHeader parse_xattr_entry_header(Cursor& at) {
    XattrEntryHeader header;
    header.name_length = at.u8();
    header.name_index = at.u8();
    header.value_size = at.u16();
    return header;
}

Result<std::string> xattr_prefix(const XattrEntryHeader& entry,
                                 std::span<const XattrPrefix> prefixes, std::uint64_t offset) {
    std::size_t base = entry.name_index;
    std::string_view infix;
    if ((entry.name_index & xattr_long_prefix) != 0) {
        const std::size_t number = entry.name_index & ~xattr_long_prefix;
        if (number >= prefixes.size())
            return failure(
                Code::corrupt,
                fmt::format("xattr entry: long prefix {} of {}", number, prefixes.size()),
                offset + 1);
        base = prefixes[number].base;
        infix = prefixes[number].infix;
    }
    if (base >= short_prefixes.size())
        return failure(Code::corrupt, fmt::format("xattr entry: name prefix {}", base), offset + 1);
    std::string prefix(short_prefixes[base]);
    prefix += infix;
    return prefix;
}

Result<Xattr> parse_xattr_entry(Cursor& at, std::span<const XattrPrefix> prefixes) {
    const std::uint64_t offset = at.offset();
    const XattrEntryHeader header = parse_xattr_entry_header(at);
    const auto name = at.bytes(header.name_length);
    const auto value = at.bytes(header.value_size);
    if (!at.ok())
        return at.error("xattr entry");
    Xattr xattr;
    COLDSCOPE_TRY(xattr.name, xattr_prefix(header, prefixes, offset));
    xattr.name += text_of(name);
    xattr.value = text_of(value);
    return xattr;
}

} // namespace coldscope::erofs
