// Feature bits of the superblock, and their names.
// Source: Linux fs/erofs/erofs_fs.h.
#pragma once

#include "core/erofs/format.h"

#include <cstdint>
#include <string>
#include <vector>

namespace coldscope::erofs {

namespace compat {
inline constexpr std::uint32_t checksum = 0x1;
inline constexpr std::uint32_t mtime = 0x2;
inline constexpr std::uint32_t xattr_filter = 0x4;
inline constexpr std::uint32_t shared_xattrs_in_metabox = 0x8;
inline constexpr std::uint32_t plain_xattr_prefixes = 0x10;
inline constexpr std::uint32_t inode_share_xattrs = 0x20;
inline constexpr std::uint32_t rafs_v6 =
    0x4000'0000; // Nydus's, see core/rafs; EROFS passes over it
} // namespace compat

namespace incompat {
inline constexpr std::uint32_t lz4_0padding = 0x1;
inline constexpr std::uint32_t compression_configs = 0x2; // or big physical clusters
inline constexpr std::uint32_t chunked_file = 0x4;
inline constexpr std::uint32_t device_table = 0x8; // or the second compression head
inline constexpr std::uint32_t ztailpacking = 0x10;
inline constexpr std::uint32_t fragments = 0x20; // or deduplicated compressed data
inline constexpr std::uint32_t xattr_prefixes = 0x40;
inline constexpr std::uint32_t wide_48bit = 0x80;
inline constexpr std::uint32_t metabox = 0x100;
inline constexpr std::uint32_t all = 0x1FF;
} // namespace incompat

// The names of the set bits, lowest first; a bit without a name is "bit 0x...".
[[nodiscard]] std::vector<std::string> compatible_feature_names(std::uint32_t bits);
[[nodiscard]] std::vector<std::string> incompatible_feature_names(std::uint32_t bits);

[[nodiscard]] const char* name(Layout layout);

} // namespace coldscope::erofs
