// Page cache that EROFS mounts of one domain share, by their inodes' fingerprints: the mount option
// inode_share (Linux 7.0). Whoever mounts an image there can put bytes into the memory of every
// other mount of that domain: the kernel compares fingerprints, never bytes.
//
// A mount that was made without a domain_id must never be remounted with inode_share: Linux 7.3
// oopses. Nothing here remounts.
#pragma once

#include "core/base/error.h"

#include <string>
#include <string_view>

namespace coldscope::guard {

inline constexpr std::size_t longest_domain = 64; // bytes

// Letters, digits, '.', '-' and '_', the first of them none of the latter two.
[[nodiscard]] bool is_domain(std::string_view name);

// What may be asked for of an EROFS mount.
struct MountOptions {
    bool directio = false;
    std::string domain; // share in this one; empty: don't
};
// As mount(2) takes them, and back; EPERM for what text_of() would not write.
[[nodiscard]] std::string text_of(const MountOptions& options);
[[nodiscard]] Result<MountOptions> parse_mount_options(std::string_view text);

// Why this kernel has no inode_share, or it can't be known here; empty where it has. Tried with a
// mount that is begun (fsopen(2)) and never made; needs root's rights.
[[nodiscard]] std::string inode_share_obstacle();

} // namespace coldscope::guard
