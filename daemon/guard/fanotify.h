// fanotify's pre-content events as the kernel writes them (since Linux 6.14): what C libraries
// older than the kernel lack. Source: include/uapi/linux/fanotify.h.
#pragma once

#include <cstdint>

#include <fcntl.h>
#include <sys/fanotify.h>

namespace coldscope::fanotify {

inline constexpr std::uint64_t pre_access = 0x00100000; // FAN_PRE_ACCESS
inline constexpr std::uint8_t info_range = 6;           // FAN_EVENT_INFO_TYPE_RANGE

// The group that the guard opens. Its events' pids are those of threads (FAN_REPORT_TID).
inline constexpr unsigned group_flags = FAN_CLASS_PRE_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK |
                                        FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | FAN_REPORT_TID;
inline constexpr unsigned event_flags = O_RDWR | O_LARGEFILE | O_CLOEXEC;

// Follows the metadata of a pre-content event: which bytes are wanted.
struct RangeInfo {
    std::uint8_t type;
    std::uint8_t pad;
    std::uint16_t length; // of this structure
    std::uint32_t pad2;
    std::uint64_t offset; // bytes, in the file
    std::uint64_t count;  // bytes; 0 at the file's end
};
static_assert(sizeof(RangeInfo) == 24);

// FAN_DENY_ERRNO. The kernel takes seven: see errors_taken() of the transport.
[[nodiscard]] constexpr std::uint32_t deny(int error) {
    return FAN_DENY | static_cast<std::uint32_t>(error & 0xff) << 24;
}

} // namespace coldscope::fanotify
