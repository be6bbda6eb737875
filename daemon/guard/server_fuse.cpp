// What the guard does for FUSE: a mount, its descriptor for the client, and what it keeps of that.
#include "daemon/guard/log.h"
#include "daemon/guard/mounts.h"
#include "daemon/guard/server.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

namespace coldscope::guard {

// The source's name is only shown. No option is the client's to choose.
void Server::mount_fuse(const Message& message) {
    if (const auto opened = connection_.open(message.texts[2]); !opened)
        return reply(message, opened);
    if (!in_child(message))
        return;
    const auto mounted = [&]() -> Result<int> {
        if (message.number != 0 || !message.texts[1].starts_with('/'))
            return system_error(EPERM, "FUSE from '" + message.texts[1] + "'");
        COLDSCOPE_TRY(const Fd target, folders_.mounted_folder(message.texts[0]));
        return connection_.mount(target.get(), message.texts[1]);
    }();
    if (mounted)
        reply(message, *mounted, "mount(2)");
    else
        reply(message, std::unexpected(mounted.error()));
    _exit(0);
}

void Server::hand_out_connection(const Message& message) {
    const auto device = connection_.hand_out();
    if (!device)
        return reply(message, std::unexpected(device.error()));
    await_others();
    reply(message, 0, connection_.told(), *device);
    keep_connection();
}

void Server::adopt_connection(Received& received) {
    const auto adopted =
        connection_.adopt(std::move(received.fd), std::move(received.message.texts[0]));
    await_others();
    reply(received.message, adopted);
    keep_connection();
}

// Without a grace nobody takes over, and the kernel gives the error sooner than the guard could.
void Server::keep_connection() {
    if (options_.grace == 0)
        connection_.close();
}

// Readers may wait for another client only where one could serve them: while nothing is mounted yet
// there are none, but a child of the guard's that waits itself.
bool Server::connection_stands() const {
    return connection_.is_open() && std::ranges::any_of(kept_, [](const Kept& kept) {
               return kept.kind == Kind::erofs && is_mount_of(mount_on(kept.path), "erofs ");
           });
}

} // namespace coldscope::guard
