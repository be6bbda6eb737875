// What /dev/cachefiles might give: whatever is taken for a message was there whole.
#include "daemon/transport/cachefiles_message.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto message = decode_cachefiles(bytes);
    if (!message)
        return 0;
    if (const auto* open = std::get_if<CachefilesMessage::Open>(&message->what)) {
        if (open->volume.size() + open->cookie.size() + 32 > size || open->cookie.empty() ||
            open->fd != descriptor_in(bytes))
            std::abort();
    } else if (const auto* read = std::get_if<CachefilesMessage::Read>(&message->what)) {
        if (read->length == 0 || read->offset + read->length < read->offset)
            std::abort();
    }
    return 0;
}
