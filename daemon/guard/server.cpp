#include "daemon/guard/server.h"

#include "daemon/guard/log.h"
#include "daemon/guard/mounts.h"
#include "daemon/guard/privilege.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace coldscope::guard {

namespace {

constexpr Nanoseconds away = 2 * second; // a turn of 500 ms that takes so long
constexpr int turn_ms = 500;             // while a client is served
constexpr int most_children = 8;         // questions whose answers wait for somebody else

} // namespace

Server::Server(Fd socket, Folders folders, const ServerOptions& options)
    : socket_(std::move(socket)), folders_(std::move(folders)), options_(options) {
    tell_senders(socket_.get());
}

void Server::serve() {
    Nanoseconds turn = monotonic_now();
    while (!bye_) {
        pollfd entries[]{{socket_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
        const int ready = poll(entries, 2, turn_ms);
        reap();
        if (ready > 0 && entries[0].revents != 0) {
            auto received = receive(socket_.get());
            if (received && accept(*received))
                handle(*received);
            else if (!received && received.error().code == Code::invalid)
                log("refused", describe(received.error()));
            else if (!received)
                return;
        } else if (ready > 0 && entries[1].revents != 0) {
            turn_away(); // nothing is left of the first that would tell of its end
        }
        const Nanoseconds now = monotonic_now();
        if (now - turn > away && last_beat_ != 0)
            last_beat_ = now; // both were stopped, it seems: silence is counted anew
        turn = now;
        if (last_beat_ != 0 && now - last_beat_ > options_.silence) {
            log("the client's ring thread is silent", "ending it");
            return;
        }
    }
}

// One process of one user: the first that writes.
bool Server::accept(const Received& received) {
    const ucred& sender = received.sender;
    if (sender.uid != options_.user) {
        log("refused", "a message from user " + std::to_string(sender.uid));
        return false;
    }
    if (client_ == 0) {
        client_fd_.reset(static_cast<int>(syscall(SYS_pidfd_open, sender.pid, 0))); // Linux 5.3
        if (!runs_as(sender.pid, options_.user)) {
            client_fd_.reset();
            log("refused", "a message from a process that is gone");
            return false;
        }
        client_ = sender.pid;
        limit_client();
    }
    if (sender.pid == client_)
        return true;
    log("refused", "a message from a second client, process " + std::to_string(sender.pid));
    return false;
}

void Server::turn_away() {
    const Fd second(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!second)
        return;
    log("refused", "a second client: the first is alive");
    (void)send(second.get(), {Type::reply, EBUSY, {"this run has a client"}, 1}, false);
}

void Server::handle(Received& received) {
    const Message& message = received.message;
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
    case Type::hello:
        reply(message, message.number != 0 ? ESRCH : 0, "there is nothing to take over");
        break;
    case Type::group: {
        if (!trusted()) {
            log("refused", "the fanotify group: it is as good as root's rights, and the user was "
                           "not said to be trusted");
            reply(message, EPERM, "its user is not trusted with the fanotify group");
            break;
        }
        const auto group = group_.open();
        await_others();
        reply(message, group ? 0 : to_errno(group.error()), "group", group.value_or(-1));
        break;
    }
    case Type::adopt:
        adopt(received);
        break;
    case Type::mark:
        mark(received);
        break;
    case Type::object: {
        const auto object = group_.object(message.texts[0]);
        reply(message, object ? 0 : ENOENT, "object", object.value_or(-1));
        break;
    }
    case Type::unmark:
        group_.unmark(message.texts[0]);
        break;
    case Type::who:
        who(message);
        break;
    case Type::trace:
        trace(message);
        break;
    case Type::lookout:
        lookout(received);
        break;
    case Type::bye:
        bye_ = true;
        reap();
        reply(message, mounted_.empty() ? 0 : EBUSY, "bye");
        break;
    case Type::fuse:
        mount_fuse(message);
        break;
    case Type::connection:
        hand_out_connection(message);
        break;
    case Type::adopt_connection:
        adopt_connection(received);
        break;
    case Type::bind_cachefiles:
        bind_cachefiles(message);
        break;
    case Type::adopt_cachefiles:
        adopt_cachefiles(received);
        break;
    case Type::observe:
        observe(received);
        break;
    case Type::reply:
        break;
    }
}

// What could be had without this guard as well, or by root's word.
bool Server::trusted() const {
    return geteuid() != 0 || options_.user == 0 || options_.trusted;
}

void Server::adopt(Received& received) {
    const Message& message = received.message;
    const auto adopted = group_.adopt(std::move(received.fd));
    reply(message, adopted);
    if (!adopted)
        return;
    for (std::size_t at = 0, end; (end = message.texts[0].find('\n', at)) != std::string::npos;
         at = end + 1)
        mounted_.insert(message.texts[0].substr(at, end - at));
    await_others();
}

// Readers wait for a client that takes over where the guard keeps what it needs.
void Server::await_others() {
    if (listening_ || (!group_.is_open() && !cachefiles_.is_open() &&
                       (!connection_.is_open() || options_.grace == 0)))
        return;
    auto listening = folders_.listen(socket_name);
    if (!listening)
        return log("nobody can take over", describe(listening.error()));
    listening_ = std::move(*listening);
    tell_senders(listening_.get()); // inherited: no message comes between accept(2) and this
}

// The question's answer comes from the child then. It holds nothing that keeps readers waiting.
bool Server::in_child(const Message& question) {
    if (children_ >= most_children) {
        reply(question, EBUSY, "too many questions at once");
        return false;
    }
    const pid_t child = fork();
    if (child < 0) {
        reply(question, errno, "fork");
        return false;
    }
    if (child > 0)
        ++children_;
    if (child == 0) {
        group_.close();
        if (question.type != Type::fuse)
            connection_.close();
        cachefiles_.close();
        listening_.reset();
    } else if (question.type == Type::mount) {
        mounting_ = child;
    } else if (question.type == Type::observe) {
        observing_ = child;
    }
    return child == 0;
}

// The client's descriptor, of the very file that is meant.
void Server::mark(Received& received) {
    const Message& message = received.message;
    const auto checked = [&]() -> Result<void> {
        COLDSCOPE_TRY(const Fd file, folders_.file(message.texts[0], O_PATH));
        struct stat named {
        }, given{};
        if (fstat(file.get(), &named) != 0 || fstat(received.fd.get(), &given) != 0 ||
            named.st_dev != given.st_dev || named.st_ino != given.st_ino)
            return system_error(EPERM, message.texts[0] + " is another file than the one given");
        return group_.mark(message.texts[0], std::move(received.fd));
    };
    reply(message, checked());
}

void Server::reply(const Message& question, int error, const std::string& what, int fd) {
    (void)send(socket_.get(),
               {Type::reply, static_cast<std::uint32_t>(error), {what}, question.sequence}, true,
               fd);
}

void Server::reply(const Message& question, const Result<void>& result) {
    if (result)
        return reply(question, 0, "");
    log("refused", describe(result.error()));
    reply(question, to_errno(result.error()), describe(result.error()));
}

// Said again, with the device that is known by then, it keeps its place.
void Server::keep(Kept kept) {
    if (!folders_.has(kept.path))
        return log("refused", kept.path + " is outside of the guard's folders");
    for (Kept& known : kept_) {
        if (known.path == kept.path && known.kind == kept.kind) {
            known = std::move(kept);
            return;
        }
    }
    kept_.push_back(std::move(kept));
}

// Events come with descriptors, whose numbers are tried one by one should the client die.
void Server::limit_client() {
    rlimit limit{};
    if (prlimit(client_, RLIMIT_NOFILE, nullptr, &limit) != 0)
        return;
    limit.rlim_max = std::min<rlim_t>(limit.rlim_max, most_descriptors);
    limit.rlim_cur = limit.rlim_max;
    (void)prlimit(client_, RLIMIT_NOFILE, &limit, nullptr);
}

} // namespace coldscope::guard
