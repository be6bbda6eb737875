// Decodes what /dev/cachefiles gives in on-demand mode (Linux 5.19 to 7.1), one message at a time.
// Source: include/uapi/linux/cachefiles.h.
#pragma once

#include "core/base/error.h"

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include <sys/ioctl.h>

namespace coldscope {

inline constexpr std::size_t largest_cachefiles_message = 1024; // CACHEFILES_MSG_MAX_SIZE
// On an object's descriptor, with the number of a READ that is done.
inline constexpr unsigned long cachefiles_read_complete = _IOW(0x98, 1, int);

struct CachefilesMessage {
    struct Open {
        int fd = -1;        // of the object, the reader's to close; it can only be written to
        std::string volume; // "erofs,DOMAIN"; DOMAIN is the fsid of a mount without a domain
        std::string cookie; // the object's name in its volume
    };
    struct Read {
        std::uint64_t offset = 0; // bytes
        std::uint64_t length = 0; // more than 0; offset + length does not wrap
    };
    struct Close {};

    std::uint32_t id = 0;     // over all kinds; numbers may be left out
    std::uint32_t object = 0; // the kernel's number for it, another one each time that it is opened
    std::variant<Open, Read, Close> what = Close{};
};

// Code::truncated or invalid with the byte that is wrong.
[[nodiscard]] Result<CachefilesMessage> decode_cachefiles(std::span<const std::byte> bytes);
// The descriptor in a message that can't be decoded, so that it can be closed; -1 without one.
[[nodiscard]] int descriptor_in(std::span<const std::byte> bytes);

} // namespace coldscope
