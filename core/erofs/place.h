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
    map_header,    // of a compressed file
    cluster_index, // its full indexes: a part, where they are long
    bytes,         // what has no fields: a file's inline tail, a symbolic link
};

struct Place {
    Structure structure = Structure::none;
    bool in_metabox = false;  // offset counts from the metabox's start, not the primary device's
    std::uint8_t unit = 0;    // chunk tables and indexes: bytes of an entry; map headers with
                              // extent records: of a record
    std::uint64_t offset = 0; // bytes
    std::uint64_t length = 0; // bytes
    std::uint64_t first = 0;  // of these: the number of the first entry

    bool operator==(const Place&) const = default;
};

[[nodiscard]] const char* name(Structure structure); // "superblock", ...; "" for none

} // namespace coldscope::erofs
