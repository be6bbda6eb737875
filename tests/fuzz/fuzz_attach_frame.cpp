// A frame between a run and its window: what is taken for one is, byte for byte, what it would be
// written as, and a link that looks for one in these bytes ends.
#include "daemon/control/link.h"

#include <algorithm>
#include <cstdlib>

#include <sys/socket.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    using namespace coldscope::attach;
    const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
    if (const auto header = decode_header(bytes)) {
        const auto payload =
            bytes.subspan(header_size)
                .first(std::min<std::size_t>(bytes.size() - header_size, header->length));
        const auto message = decode(header->type, payload);
        if (!message && message.error().offset > payload.size())
            std::abort();
        // An attach of another version has parts that are not known.
        const auto* attach = message ? std::get_if<Attach>(&*message) : nullptr;
        if (message && (attach == nullptr || attach->version == version)) {
            const auto frame = encode(*message);
            if (!std::ranges::equal(std::span(frame).subspan(header_size), payload))
                std::abort();
        }
    }
    int ends[2] = {-1, -1};
    if (size > 64 * 1024 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 0;
    Link link{Fd(ends[0])};
    if (::send(ends[1], data, size, MSG_DONTWAIT) != static_cast<ssize_t>(size))
        std::abort();
    ::close(ends[1]);
    link.seek([](const Message& message) { return std::holds_alternative<Attach>(message); });
    while (link.receive()) {
        while (true) {
            const auto message = link.next();
            if (!message)
                return 0;
            if (!*message)
                break;
        }
    }
    return 0;
}
