// Extended attributes: the area behind an inode, shared entries, and long name prefixes.
// Source: struct erofs_xattr_ibody_header, erofs_xattr_entry and erofs_xattr_long_prefix in Linux
// fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/cursor.h"
#include "core/base/error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace coldscope::erofs {

struct Xattr {
    std::string name; // with its prefix: "user.comment"
    std::string value;
    bool shared = false;
};

struct XattrPrefix {
    std::uint8_t base = 0; // a short prefix
    std::string infix;
};

struct XattrHeader {
    std::uint32_t name_filter = 0;
    std::vector<std::uint32_t> shared_ids;
};

// at: the start of an inode's xattr area, and not more than it.
[[nodiscard]] Result<XattrHeader> parse_xattr_header(Cursor& at);

struct XattrEntryHeader {
    std::uint8_t name_length = 0;
    std::uint8_t name_index = 0;
    std::uint16_t value_size = 0;
    [[nodiscard]] std::size_t size() const { // bytes, header included, before alignment
        return std::size_t{4} + name_length + value_size;
    }
};
[[nodiscard]] XattrEntryHeader parse_xattr_entry_header(Cursor& at);

// What the stored name of an entry goes on from. Errors: corrupt (no such prefix).
[[nodiscard]] Result<std::string> xattr_prefix(const XattrEntryHeader& entry,
                                               std::span<const XattrPrefix> prefixes,
                                               std::uint64_t offset);

// at: an entry. Errors: truncated, corrupt (no such prefix).
[[nodiscard]] Result<Xattr> parse_xattr_entry(Cursor& at, std::span<const XattrPrefix> prefixes);

} // namespace coldscope::erofs
