// Which structure of an image some bytes belong to, so that they can be shown with their fields.
#pragma once

#include <cstdint>

namespace coldscope::erofs {

enum class Structure : std::uint8_t {
    none, // nothing that this program knows
    superblock,
    device_slot,
    inode,
    xattrs,       // the area behind an inode
    shared_xattr, // one entry
    xattr_prefix, // one long name prefix
    chunk_table,  // a part of it, where it is long
    directory_block,
    bytes, // what has no fields: a file's inline tail, a symbolic link
};

struct Place {
    Structure structure = Structure::none;
    bool in_metabox = false;  // offset counts from the metabox's start, not the primary device's
    std::uint8_t unit = 0;    // chunk tables: bytes of an entry, 4 or 8
    std::uint64_t offset = 0; // bytes
    std::uint64_t length = 0; // bytes
    std::uint64_t first = 0;  // chunk tables: the number of the first entry

    bool operator==(const Place&) const = default;
};

[[nodiscard]] const char* name(Structure structure); // "superblock", ...; "" for none

} // namespace coldscope::erofs
