// What the guard does once its client is gone.
#include "daemon/guard/log.h"
#include "daemon/guard/server.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace coldscope::guard {

namespace {

constexpr int linger_ms = 100; // between two looks at what is still alive
constexpr int killed_within_ms = 5000;
constexpr int unmounting_ms = 10; // as far apart, at a child that unmounts
constexpr Nanoseconds unmounted_within = 30 * second;

} // namespace

void Server::run() {
    do {
        serve();
        end_client();
        // What the client had read and not answered fails; what it had not read stays queued for
        // one that comes back. On FUSE all of it is asked again.
        if (const int denied = group_.sweep(static_cast<int>(most_descriptors)); denied != 0)
            log("the client is gone", std::to_string(denied) + " readers got an error");
    } while (wait_for_client());
    cachefiles_.close(); // whoever waits for it gets an error
    take_away();
    linger();
}

// Nothing of it may read the group any more, or answer.
void Server::end_client() {
    stop_observing();
    if (!bye_ && client_fd_) {
        syscall(SYS_pidfd_send_signal, client_fd_.get(), SIGKILL, nullptr, 0);
        pollfd ended{client_fd_.get(), POLLIN, 0};
        while (poll(&ended, 1, killed_within_ms) < 0 && errno == EINTR) {
        }
    }
    client_fd_.reset();
    socket_.reset();
    client_ = 0;
    last_beat_ = 0;
}

bool Server::wait_for_client() {
    const Nanoseconds end = monotonic_now() + options_.grace;
    if (bye_ || !connection_stands())
        connection_.close();
    while (!bye_ && (group_.is_open() || connection_.is_open() || cachefiles_.is_open()) &&
           listening_) {
        const Nanoseconds now = monotonic_now();
        if (now >= end)
            return false;
        pollfd entry{listening_.get(), POLLIN, 0};
        if (poll(&entry, 1, static_cast<int>((end - now) / millisecond) + 1) <= 0)
            continue;
        socket_.reset(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        tell_senders(socket_.get());
        const timeval patience{1, 0};
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const auto received = receive(socket_.get());
        const timeval forever{};
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever);
        if (!received || received->message.type != Type::hello || !accept(*received)) {
            socket_.reset(); // it is told that way
            client_ = 0;
            continue;
        }
        std::string stands;
        for (const std::string& name : mounted_)
            stands += name + '\n';
        const auto mount = std::ranges::find(kept_, Kind::erofs, &Kept::kind);
        reply(received->message, 0, stands + (mount != kept_.end() ? mount->path : ""));
        return true;
    }
    return false;
}

void Server::take_away() {
    connection_.close(); // readers get the kernel's error, and nothing here waits for them
    if (mounting_ != 0)
        kill(mounting_, SIGKILL);
    for (const Kept& kept : kept_) {
        if (kept.kind == Kind::folder)
            folders_.remove(kept.path);
        else
            unmount_in_child(kept);
    }
}

// An unmount may wait for a reader, who gets his error here meanwhile. A child that takes too long
// goes on by itself.
void Server::unmount_in_child(const Kept& kept) {
    const Nanoseconds end = monotonic_now() + unmounted_within;
    pid_t child = -1;
    do {
        group_.deny_queued();
        if (child < 0 && (child = fork()) == 0) {
            group_.close();
            listening_.reset();
            _exit(unmount_path(kept.path, kept.device, true));
        }
        if (child > 0 && waitpid(child, nullptr, WNOHANG) == child)
            return;
        pollfd entry{group_.fd(), POLLIN, 0};
        poll(&entry, 1, unmounting_ms);
    } while (monotonic_now() < end);
    children_ += child > 0 ? 1 : 0; // reap() meets it
}

// Whoever still has files of a mount open gets an error for what is not local, until the last one
// has closed them. To end before would mean zeros for them.
void Server::linger() {
    if (listening_)
        folders_.remove_socket(socket_name);
    listening_.reset();
    while (group_.is_open()) {
        group_.deny_queued();
        reap();
        if (mounting_ == 0 && mounted_.empty())
            return;
        pollfd entry{group_.fd(), POLLIN, 0};
        poll(&entry, 1, linger_ms);
    }
}

} // namespace coldscope::guard
