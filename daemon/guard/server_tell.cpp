// What the guard tells of those who read.
#include "daemon/guard/log.h"
#include "daemon/guard/lookout.h"
#include "daemon/guard/mounts.h"
#include "daemon/guard/server.h"
#include "daemon/guard/trace.h"
#include "daemon/guard/waiting.h"

#include <cerrno>

namespace coldscope::guard {

// Whoever has the event sees what all threads of this machine read from any EROFS mount, or through
// cachefiles.
void Server::trace(const Message& message) {
    if (!trusted())
        return reply(message, EPERM, "its user is not trusted with what others read");
    const auto traced = open_trace(message.texts[0], message.number);
    reply(message, traced ? 0 : to_errno(traced.error()),
          traced ? traced->format : describe(traced.error()), traced ? traced->event.get() : -1);
}

// Only of threads that use a mount of this guard: others are no business of its user's.
void Server::who(const Message& message) {
    std::set<std::string> devices;
    for (const Kept& kept : kept_) {
        // As it is, not as the client says.
        const std::string there = mount_on(kept.path);
        if (kept.kind == Kind::erofs && there == kept.device && is_mount_of(there, "erofs "))
            devices.insert(there.substr(0, there.find(' ')));
    }
    const auto told = waiting_thread(static_cast<pid_t>(message.number), devices);
    if (!told)
        log("refused", describe(told.error()));
    reply(message, told ? 0 : to_errno(told.error()), told ? *told : describe(told.error()));
}

// The child outlives a guard that dies: it keeps nobody waiting.
void Server::lookout(Received& received) {
    const Message& message = received.message;
    if (!trusted())
        return reply(message, EPERM, "its user is not trusted with what others read");
    if (!received.fd)
        return reply(message, EINVAL, "no socket");
    if (!in_child(message))
        return;
    reply(message, 0, "lookout");
    look_out(received.fd);
}

} // namespace coldscope::guard
