#include "daemon/guard/server.h"

#include "daemon/guard/mounts.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr Nanoseconds away = 2 * second; // a turn of 500 ms that takes so long

// An ordinary user's FUSE mount can only be taken away by the setuid helper.
int run_fusermount(const std::string& path) {
    const pid_t child = fork();
    if (child == 0) {
        execlp("fusermount3", "fusermount3", "-u", "-z", "-q", path.c_str(), nullptr);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EBUSY;
}

int unmount_path(const std::string& path, const std::string& device, bool lazily) {
    const std::string there = mount_on(path);
    if (there.empty() || (!device.empty() && there != device))
        return 0; // it is gone already; what stands there is not ours
    if (umount2(path.c_str(), UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0)) == 0)
        return 0;
    return errno == EPERM && lazily ? run_fusermount(path) : errno;
}

} // namespace

Server::Server(int socket, Nanoseconds silence) : socket_(socket), silence_(silence) {
    ucred peer{};
    socklen_t length = sizeof peer;
    getsockopt(socket_, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    client_fd_ = static_cast<int>(syscall(SYS_pidfd_open, peer.pid, 0)); // Linux 5.3
}

Server::~Server() {
    close(socket_);
    if (client_fd_ >= 0)
        close(client_fd_);
}

void Server::run() {
    Nanoseconds turn = monotonic_now();
    for (;;) {
        pollfd entry{socket_, POLLIN, 0};
        const int ready = poll(&entry, 1, 500);
        while (waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        if (ready > 0) {
            const auto message = receive(socket_);
            if (message)
                handle(*message);
            else if (message.error().code == Code::invalid)
                std::fprintf(stderr, "coldscope-guard: refused: %s\n",
                             describe(message.error()).c_str());
            else
                break;
        }
        const Nanoseconds now = monotonic_now();
        if (now - turn > away && last_beat_ != 0)
            last_beat_ = now; // both were stopped, it seems: silence is counted anew
        turn = now;
        if (last_beat_ != 0 && now - last_beat_ > silence_)
            kill_client();
    }
    take_away();
}

void Server::handle(const Message& message) {
    switch (message.type) {
    case Type::beat:
        last_beat_ = monotonic_now();
        break;
    case Type::mount:
        mount(message);
        break;
    case Type::unmount:
        unmount(message);
        break;
    case Type::keep:
        keep({message.texts[0], message.texts[1], static_cast<Kind>(message.number)});
        break;
    case Type::forget:
        std::erase_if(kept_, [&](const Kept& kept) { return kept.path == message.texts[0]; });
        break;
    case Type::reply:
        break;
    }
}

// In a child, which answers for itself: the mount reads from what the client serves, and must not
// keep the guard from seeing the client die.
void Server::mount(const Message& message) {
    const pid_t child = fork();
    if (child < 0)
        reply(message, errno, "fork");
    if (child != 0)
        return;
    const std::string& target = message.texts[1];
    const int status = ::mount(message.texts[0].c_str(), target.c_str(), "erofs",
                               MS_RDONLY | MS_NOSUID | MS_NODEV, message.texts[2].c_str());
    reply(message, status == 0 ? 0 : errno, "mount");
    _exit(0);
}

void Server::unmount(const Message& message) {
    const pid_t child = fork();
    if (child < 0)
        reply(message, errno, "fork");
    if (child != 0)
        return;
    reply(message, unmount_path(message.texts[0], message.texts[1], message.number != 0),
          "unmount");
    _exit(0);
}

void Server::reply(const Message& question, int error, const std::string& what) {
    (void)send(socket_,
               {Type::reply, static_cast<std::uint32_t>(error), {what}, question.sequence});
}

void Server::kill_client() {
    last_beat_ = 0;
    std::fprintf(stderr, "coldscope-guard: the client's ring thread is silent; ending it\n");
    if (client_fd_ >= 0)
        syscall(SYS_pidfd_send_signal, client_fd_, SIGKILL, nullptr, 0);
}

void Server::take_away() {
    for (const Kept& kept : kept_) {
        if (kept.kind == Kind::folder)
            rmdir(kept.path.c_str());
        else
            unmount_path(kept.path, kept.device, true);
    }
}

// Said again, with the device that is known by then, it keeps its place.
void Server::keep(Kept kept) {
    for (Kept& known : kept_) {
        if (known.path == kept.path && known.kind == kept.kind) {
            known = std::move(kept);
            return;
        }
    }
    kept_.push_back(std::move(kept));
}

} // namespace coldscope::guard
