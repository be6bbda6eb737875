// What is in memory of a list of files, looked at by a child of the guard and written to a pipe,
// which the client reads until its end. Little-endian records, those of a file one behind the
// other, files in the list's order:
//     u32 1, u32 errno, u64 device, u64 inode, u64 size in bytes
//     u32 2, u32 count, u64 first page, and as many u64 frames: pages of the file that are
//     resident.
//         Page frame numbers for root and whom root trusts; for others names of them, which tell
//         the same frame from another one in this observation, and nothing else (frame_names.h)
//     u32 3, u32 errno: the file can't be looked at after all, what came of it does not count
//     u32 5, u32 0: the file is an overlay's, which shows another file system's pages
//     u32 4, u32 0, u64 pages that left memory meanwhile: the end, without which all is void
#pragma once

#include "core/base/clock.h"
#include "daemon/guard/frame_names.h"
#include "daemon/guard/observed_list.h"

#include <cstdint>
#include <optional>
#include <span>

namespace coldscope::guard {

enum class Seen : std::uint32_t { file = 1, run = 2, broken = 3, end = 4, stacked = 5 };

inline constexpr Nanoseconds observing_limit = 20 * second;  // the rest of the files gets ETIME
inline constexpr Nanoseconds observing_killed = 25 * second; // for a child that waits for a file
inline constexpr Nanoseconds file_limit = 2 * second;        // ETIME for one that takes longer
inline constexpr Nanoseconds told_within = second / 5;       // of what has been seen

// What the child needs of /proc, opened while it has root's rights.
struct ObservingFiles {
    Fd pagemap;
    Fd descriptors;                  // /proc/self/fd
    std::optional<FrameNames> names; // where frames themselves are not told
};
[[nodiscard]] Result<ObservingFiles> open_observing_files(bool tells_frames);

// In the child, which is the user by then. Looks paths up as the user, in each folder's own file
// system alone and through no symbolic link; opens regular files only. Fails when nobody reads the
// pipe any more.
[[nodiscard]] Result<void> observe(std::span<const ObservedFolder> list, ObservingFiles& files,
                                   int pipe);

} // namespace coldscope::guard
