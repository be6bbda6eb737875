// What a thread waits for in a mount, as /proc tells root: the system call, the file, the place.
#pragma once

#include "core/base/error.h"

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace coldscope::guard {

inline constexpr long in_no_call = -1; // of a system call: the thread waits for a page

// Of an open or mapped file that a link in /proc names: its type, size and device, as the kernel
// knows them. Asks neither a network file system's server nor FUSE's, which might never answer.
[[nodiscard]] std::optional<struct statx> known_status(const std::string& link);

struct InCall {
    long number = in_no_call - 1; // that: it runs, or can't be looked at
    std::array<unsigned long long, 6> arguments{};
    // The descriptor that it reads by, where it is a call that does.
    [[nodiscard]] unsigned long long file() const;
};
[[nodiscard]] InCall call_of(pid_t thread);

struct MappedFile {
    std::string range; // as in /proc/PID/map_files
    std::string path;  // as the process sees it
};
// Each file of these devices ("major:minor") once, in order of address.
[[nodiscard]] std::vector<MappedFile>
mapped_files(pid_t thread, const std::set<std::string>& devices, std::size_t most);

// Lines "key=value": call (its name, its number, or "page fault"), file (its path as the process
// sees it), offset and length (bytes; where the call has them), cgroup. devices: "major:minor" of
// the mounts that the thread may be asked about; Code::not_found for one that waits elsewhere.
[[nodiscard]] Result<std::string> waiting_thread(pid_t thread,
                                                 const std::set<std::string>& devices);

} // namespace coldscope::guard
