// A child of the guard that tells where threads wait: in which file of which mount that shares page
// cache. A read through one such mount may be served by another one's blob, and only the reader
// knows by which path it was asked. The child holds nothing of the guard's, and ends when the other
// end of its socket is closed. Questions and answers are one message each; integers are native.
#pragma once

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/fd.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coldscope::guard {

struct LookoutQuestion {
    std::uint64_t request = 0; // the asker's own number
    std::uint32_t thread = 0;
    std::uint32_t unused = 0;
};

// A file of an EROFS mount with inode_share.
struct WaitingIn {
    std::uint64_t size = 0; // bytes
    std::string file;       // its path as the thread's process sees it
    std::string mount;      // the folder that the mount stands on, as the guard sees it
};

inline constexpr std::size_t most_waiting_in = 64;
inline constexpr std::size_t longest_answer = 64 * 1024; // bytes

struct LookoutAnswer {
    std::uint64_t request = 0;
    Nanoseconds seen = 0; // CLOCK_MONOTONIC: the thread was there until then at least
    // One for a system call; for a page fault, which says of no file, all that may be meant. None
    // where the thread waits elsewhere.
    std::vector<WaitingIn> files;
};

// At most most_waiting_in files, as many as fit.
[[nodiscard]] std::vector<std::byte> encode(const LookoutAnswer& answer);
[[nodiscard]] Result<LookoutAnswer> decode_answer(std::span<const std::byte> bytes);

[[nodiscard]] LookoutAnswer look_for(const LookoutQuestion& question);

// In a child, until the other end is closed.
[[noreturn]] void look_out(const Fd& socket);

} // namespace coldscope::guard
