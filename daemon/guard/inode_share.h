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

// Why this kernel has no inode_share, it can't be known here, or not be undone; empty where it can.
// Tried with a mount that is begun (fsopen(2)) and never made; needs root's rights.
[[nodiscard]] std::string inode_share_obstacle();

// Takes the mount on this folder (a name in the working directory, not followed) away: an errno, or
// 0. A read through another mount of the domain may be served by an inode of this one, and Linux
// 7.3 trips over itself ("Busy inodes after unmount") where the file system ends meanwhile. So it
// is detached first, then the kernel is told to forget the inodes that nobody uses (drop_caches:
// of all file systems), after which reads are served by the other mount's own; what still is under
// way has ended before the last hold on it goes. Takes seconds, and may wait for readers: for a
// process that no reader waits for.
[[nodiscard]] int unmount_shared(const char* name, bool lazily);

} // namespace coldscope::guard
