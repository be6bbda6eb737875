#include "daemon/guard/frame_names.h"

#include <algorithm>
#include <cstring>

#include <sys/random.h>

namespace coldscope::guard {

Result<FrameNames> FrameNames::make() {
    FrameNames names;
    if (getrandom(names.secret_.data(), names.secret_.size(), 0) !=
        static_cast<ssize_t>(names.secret_.size()))
        return system_error("no random bytes");
    return names;
}

std::uint64_t FrameNames::operator()(std::uint64_t frame) {
    if (frame == 0)
        return 0;
    digester_.add(secret_);
    digester_.add(std::as_bytes(std::span(&frame, 1)));
    const Digest digest = digester_.take();
    std::uint64_t name = 0;
    std::memcpy(&name, digest.data(), sizeof name);
    return std::max<std::uint64_t>(name, 1);
}

} // namespace coldscope::guard
