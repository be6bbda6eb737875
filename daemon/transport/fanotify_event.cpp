#include "daemon/transport/fanotify_event.h"

#include "daemon/guard/fanotify.h"

#include <cstring>

namespace coldscope {

namespace {

struct InfoHeader { // of every information record: fanotify_event_info_header
    std::uint8_t type;
    std::uint8_t pad;
    std::uint16_t length;
};
static_assert(sizeof(InfoHeader) == 4);

template <typename T>
T load(std::span<const std::byte> bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

Result<void> decode_info(std::span<const std::byte> bytes, std::uint64_t at, FanotifyEvent& event) {
    while (!bytes.empty()) {
        if (bytes.size() < sizeof(InfoHeader))
            return failure(Code::invalid, "a cut off information record", at);
        const auto header = load<InfoHeader>(bytes);
        if (header.length < sizeof(InfoHeader) || header.length > bytes.size())
            return failure(Code::invalid, "an information record of a wrong length", at);
        if (header.type == fanotify::info_range) {
            if (header.length < sizeof(fanotify::RangeInfo))
                return failure(Code::invalid, "a range record of a wrong length", at);
            const auto range = load<fanotify::RangeInfo>(bytes);
            event.has_range = true;
            event.offset = range.offset;
            event.count = range.count;
        }
        at += header.length;
        bytes = bytes.subspan(header.length);
    }
    return {};
}

} // namespace

Result<void> decode_events(std::span<const std::byte> bytes, std::vector<FanotifyEvent>& into) {
    for (std::uint64_t at = 0; !bytes.empty();) {
        if (bytes.size() < sizeof(fanotify_event_metadata))
            return failure(Code::invalid, "a cut off event", at);
        const auto metadata = load<fanotify_event_metadata>(bytes);
        if (metadata.vers != FANOTIFY_METADATA_VERSION)
            return failure(Code::invalid, "an event of another version", at);
        if (metadata.metadata_len < sizeof metadata || metadata.event_len < metadata.metadata_len ||
            metadata.event_len > bytes.size())
            return failure(Code::invalid, "an event of a wrong length", at);
        FanotifyEvent event;
        event.fd = metadata.fd;
        event.thread = static_cast<std::uint32_t>(metadata.pid);
        event.mask = metadata.mask;
        COLDSCOPE_CHECK(decode_info(
            bytes.subspan(metadata.metadata_len, metadata.event_len - metadata.metadata_len),
            at + metadata.metadata_len, event));
        into.push_back(event);
        at += metadata.event_len;
        bytes = bytes.subspan(metadata.event_len);
    }
    return {};
}

} // namespace coldscope
