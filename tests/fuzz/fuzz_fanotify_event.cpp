// What a fanotify group's descriptor might give: whatever is taken for an event was there whole.
#include "daemon/transport/fanotify_event.h"

#include <cstddef>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    std::vector<FanotifyEvent> events;
    const auto decoded = decode_events(std::as_bytes(std::span(data, size)), events);
    // The smallest event has 24 bytes; a refusal names a byte that is there.
    if (events.size() > size / 24 ||
        (!decoded && (decoded.error().code != Code::invalid || decoded.error().offset > size)))
        std::abort();
    return 0;
}
