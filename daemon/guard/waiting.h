// What a thread waits for in a mount, as /proc tells root: the system call, the file, the place.
#pragma once

#include "core/base/error.h"

#include <set>
#include <string>

#include <sys/types.h>

namespace coldscope::guard {

// Lines "key=value": call (its name, its number, or "page fault"), file (its path as the process
// sees it), offset and length (bytes; where the call has them), cgroup. devices: "major:minor" of
// the mounts that the thread may be asked about; Code::not_found for one that waits elsewhere.
[[nodiscard]] Result<std::string> waiting_thread(pid_t thread,
                                                 const std::set<std::string>& devices);

} // namespace coldscope::guard
