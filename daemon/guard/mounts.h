// Which mount stands on a folder, as /proc/self/mountinfo tells it. Asks nothing of the mount
// itself, which may be dead.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace coldscope {

// The topmost mount on this very folder, an absolute path, as "major:minor type source"; empty
// without one. The number alone would not do: the kernel gives it again at once.
[[nodiscard]] std::string mount_on(const std::string& folder);
// Whether the type in what mount_on() said begins so.
[[nodiscard]] bool is_mount_of(std::string_view mount, std::string_view type);

// The mounts of EROFS with inode_share, by their file systems' device numbers: the folder that each
// stands on, of several the first.
[[nodiscard]] std::map<dev_t, std::string> sharing_mounts();

// The kernel's names of all EROFS file systems that are alive, with those that were taken away
// lazily and still have files open: what lies in sysfs under fs/erofs. Root sees them where no
// sysfs is mounted, too. Nothing when they can't be known.
[[nodiscard]] std::optional<std::set<std::string>> erofs_alive();

} // namespace coldscope
