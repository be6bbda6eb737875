// The guard and the cachefiles device.
#include "daemon/guard/log.h"
#include "daemon/guard/server.h"

#include <cerrno>

namespace coldscope::guard {

void Server::bind_cachefiles(const Message& message) {
    if (!trusted()) {
        log("refused", "the cachefiles device: the user was not said to be trusted");
        return reply(message, EPERM, "its user is not trusted with the cachefiles device");
    }
    const bool standing = cachefiles_.is_open();
    const auto bound = standing
                           ? Result<void>{}
                           : cachefiles_.bind(folders_.first(), message.texts[0], message.texts[1]);
    if (!bound)
        return reply(message, bound);
    await_others();
    reply(message, 0, standing ? "standing" : "bound", cachefiles_.fd());
}

void Server::adopt_cachefiles(Received& received) {
    const auto adopted = cachefiles_.adopt(std::move(received.fd));
    reply(received.message, adopted);
    await_others();
}

} // namespace coldscope::guard
