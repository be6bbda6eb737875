// Decodes what a fanotify group's descriptor gives.
#pragma once

#include "core/base/error.h"

#include <cstdint>
#include <span>
#include <vector>

namespace coldscope {

struct FanotifyEvent {
    int fd = -1;              // of the file, the reader's to close; -1: the queue ran over
    std::uint32_t thread = 0; // who waits; 0 in another pid namespace
    std::uint64_t mask = 0;
    bool has_range = false;
    std::uint64_t offset = 0; // bytes, in the file
    std::uint64_t count = 0;  // bytes; 0 at the end of the file
};

// All events of one read(2), appended to `into`. Code::invalid with the offset of what is no event;
// those before it were appended.
[[nodiscard]] Result<void> decode_events(std::span<const std::byte> bytes,
                                         std::vector<FanotifyEvent>& into);

} // namespace coldscope
