#include "daemon/guard/client.h"

#include "daemon/guard/erofs_mounts.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr Nanoseconds mount_timeout = 30 * second; // a mount reads from a source that may be slow
constexpr Nanoseconds shared_unmount_timeout = 30 * second; // the kernel walks all inodes
constexpr Nanoseconds bye_timeout = second;

// For another guard, that nobody is asked about.
ClientOptions own_rights(ClientOptions options) {
    options.rights = Rights::own;
    return options;
}

// The other side is no more, or has closed.
bool closed(const Error& error) {
    return error.code == Code::cancelled || error.sys_errno == EPIPE ||
           error.sys_errno == ECONNRESET;
}

} // namespace

Result<std::unique_ptr<Client>> Client::take_over(const ClientOptions& options) {
    const std::string path = options.folders.front() + '/' + socket_name;
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // A path too long for an address is reached by the folder's descriptor.
    const Fd folder(::open(options.folders.front().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const std::string short_path = fmt::format("/proc/self/fd/{}/{}", folder.get(), socket_name);
    std::memcpy(address.sun_path, short_path.c_str(), short_path.size());
    tell_senders(socket.get());
    if (!socket || !folder ||
        connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return failure(Code::not_found, fmt::format("no guard waits at {}", path));
    std::unique_ptr<Client> client(new Client({socket.release(), 0}, options));
    Message hello{Type::hello, 1, {}, 0};
    auto reply = client->ask_once(hello, "the guard of another run", answer_timeout);
    // A guard with a client answers at once and closes, which may break the question off: the
    // answer is there nevertheless, behind the error.
    for (int i = 0; i < 2 && !reply && closed(reply.error()); ++i) {
        if (auto left = receive(client->process_.socket); left && left->message.number != 0)
            reply = system_error(static_cast<int>(left->message.number), left->message.texts[0]);
    }
    if (!reply && reply.error().sys_errno == EBUSY)
        return failure(Code::busy, fmt::format("the cache folder {} is in use by another run; "
                                               "choose another or end that run",
                                               options.folders.front()));
    if (!reply)
        return failure(Code::not_found, fmt::format("no guard waits at {}", path));
    // Names of file systems, a line each, then the path: it alone begins with a slash.
    const std::string& stands = reply->message.texts[0];
    const std::size_t before = stands.find("\n/");
    const std::size_t path_at = stands.starts_with('/')       ? 0
                                : before == std::string::npos ? stands.size()
                                                              : before + 1;
    client->superblocks_ = stands.substr(0, path_at);
    client->taken_mount_ = stands.substr(path_at);
    return client;
}

Client::~Client() {
    group_.reset();
    device_.reset();
    Message bye{Type::bye, 0, {}, 0};
    const auto ended = ask_once(bye, "the guard", bye_timeout);
    ::close(process_.socket);
    // EBUSY: it stays, for those who still have files of the mount open.
    if (process_.pid != 0 && (ended || ended.error().sys_errno != EBUSY))
        (void)exit_code(process_.pid); // a stopped guard is left to itself
}

// Until all is handed over, beats don't count it for a guard.
Result<void> Client::restart() {
    handing_over_.store(true, std::memory_order_relaxed);
    const auto restarted = restart_and_hand_over();
    handing_over_.store(false, std::memory_order_relaxed);
    if (restarted)
        gone_.store(false, std::memory_order_relaxed);
    return restarted;
}

Result<void> Client::restart_and_hand_over() {
    COLDSCOPE_TRY(const Process next, launch(own_rights(options_), Way::directly));
    // The old number keeps: a beat on another thread finds the old guard or the new one.
    dup3(next.socket, process_.socket, O_CLOEXEC);
    ::close(next.socket);
    if (process_.pid != 0)
        (void)exit_code(process_.pid);
    process_.pid = next.pid;
    process_.program = next.program;
    for (const Message& kept : kept_)
        COLDSCOPE_CHECK(send(process_.socket, kept));
    if (group_) {
        Message adopt{Type::adopt, 0, {superblocks_}, 0};
        COLDSCOPE_CHECK(
            ask_once(adopt, "cannot hand the group over", answer_timeout, group_.get()));
    }
    if (connection_ >= 0 && options_.grace != 0) {
        Message adopt{Type::adopt_connection, 0, {told_}, 0};
        COLDSCOPE_CHECK(
            ask_once(adopt, "cannot hand the FUSE connection over", answer_timeout, connection_));
    }
    if (device_) {
        Message adopt{Type::adopt_cachefiles, 0, {}, 0};
        COLDSCOPE_CHECK(
            ask_once(adopt, "cannot hand the device over", answer_timeout, device_.get()));
    }
    for (const Mark& mark : marks_) {
        Message message{Type::mark, 0, {mark.path}, 0};
        COLDSCOPE_CHECK(ask_once(message, "cannot hand a mark over", answer_timeout, mark.file));
    }
    return {};
}

Result<Received> Client::ask(Message message, const std::string& what, Nanoseconds timeout,
                             int fd) {
    auto answer = ask_once(message, what, timeout, fd);
    if (answer || !closed(answer.error()))
        return answer;
    COLDSCOPE_CHECK(restart());
    return ask_once(message, what, timeout, fd);
}

Result<Received> Client::ask_once(Message& message, const std::string& what, Nanoseconds timeout,
                                  int fd) {
    message.sequence = ++sequence_;
    COLDSCOPE_CHECK(send(process_.socket, message, true, fd));
    return answer_to(message.sequence, what, timeout);
}

Result<Received> Client::answer_to(std::uint32_t question, const std::string& what,
                                   Nanoseconds timeout) {
    const Nanoseconds end = monotonic_now() + timeout;
    for (;;) {
        const Nanoseconds now = monotonic_now();
        pollfd entry{process_.socket, POLLIN, 0};
        const int ready =
            now < end ? poll(&entry, 1, static_cast<int>((end - now) / millisecond) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return system_error(ETIMEDOUT, what);
        COLDSCOPE_TRY(Received reply, receive(process_.socket));
        if (reply.message.type != Type::reply || reply.message.sequence != question)
            continue; // to a question that was given up
        if (reply.message.number == 0)
            return reply;
        return system_error(static_cast<int>(reply.message.number),
                            fmt::format("{} ({})", what, reply.message.texts[0]));
    }
}

Result<void> Client::mount_erofs(const std::vector<std::string>& sources, const std::string& target,
                                 const std::string& options) {
    Message message{Type::mount, 0, {target, options}, 0};
    message.texts.insert(message.texts.end(), sources.begin(), sources.end());
    COLDSCOPE_TRY(const Received reply,
                  ask(std::move(message),
                      fmt::format("cannot mount EROFS on {}; the kernel's log may say why", target),
                      mount_timeout));
    superblocks_ = reply.message.texts[0];
    return {};
}

Result<void> Client::unmount(const std::string& target, const std::string& device, bool lazily) {
    COLDSCOPE_CHECK(ask({Type::unmount, lazily ? 1u : 0u, {target, device}, 0},
                        fmt::format("cannot unmount {}", target),
                        shares_page_cache(target) ? shared_unmount_timeout : answer_timeout));
    return {};
}

Result<int> Client::group() {
    COLDSCOPE_TRY(Received reply,
                  ask({Type::group, 0, {}, 0}, "cannot open a fanotify group", answer_timeout));
    if (!reply.fd)
        return failure(Code::io, "the guard sent no fanotify group");
    group_ = std::move(reply.fd);
    return group_.get();
}

Result<Client::Device> Client::bind_cachefiles(const std::string& tag, const std::string& limits) {
    COLDSCOPE_TRY(Received reply, ask({Type::bind_cachefiles, 0, {tag, limits}, 0},
                                      "cannot serve cachefiles", answer_timeout));
    if (!reply.fd)
        return failure(Code::io, "the guard sent no cachefiles device");
    device_ = std::move(reply.fd);
    return Device{device_.get(), reply.message.texts[0] == "standing"};
}

Result<void> Client::mark(const std::string& path, int file) {
    COLDSCOPE_CHECK(
        ask({Type::mark, 0, {path}, 0}, fmt::format("cannot mark {}", path), answer_timeout, file));
    marks_.push_back({path, file});
    return {};
}

Result<Fd> Client::object(const std::string& path) {
    COLDSCOPE_TRY(Received reply,
                  ask({Type::object, 0, {path}, 0}, fmt::format("the guard does not know {}", path),
                      answer_timeout));
    if (!reply.fd)
        return failure(Code::not_found, fmt::format("the guard does not know {}", path));
    return std::move(reply.fd);
}

void Client::ask_who(pid_t thread) {
    const Message message{Type::who, static_cast<std::uint32_t>(thread), {}, ++sequence_};
    if (send(process_.socket, message, false))
        who_ = message.sequence;
}

// Another question may have met the answer and passed over it: then none comes.
std::optional<Result<std::string>> Client::told_who() {
    pollfd entry{process_.socket, POLLIN, 0};
    while (who_ != 0 && poll(&entry, 1, 0) > 0) {
        const auto reply = receive(process_.socket);
        if (!reply) {
            who_ = 0;
            return std::unexpected(reply.error());
        }
        const Message& message = reply->message;
        if (message.type != Type::reply || message.sequence != who_)
            continue;
        who_ = 0;
        if (message.number == 0)
            return message.texts[0];
        return system_error(static_cast<int>(message.number), message.texts[0]);
    }
    return std::nullopt;
}

Result<Fd> Client::lookout() {
    int ends[2]{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return system_error("no pair of sockets");
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    if (fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0)
        return system_error("a socket's flags");
    COLDSCOPE_CHECK(ask({Type::lookout, 0, {}, 0}, "the guard does not tell where threads wait",
                        answer_timeout, theirs.get()));
    return ours;
}

Result<Client::Trace> Client::trace(std::string_view name, std::uint32_t processor) {
    COLDSCOPE_TRY(Received reply,
                  ask({Type::trace, processor, {std::string(name)}, 0},
                      fmt::format("cannot open the tracepoint {}", name), answer_timeout));
    if (!reply.fd)
        return failure(Code::io, "the guard sent no event of a tracepoint");
    return Trace{std::move(reply.fd), reply.message.texts[0]};
}

Result<Fd> Client::observe(int list, Nanoseconds end) {
    const Nanoseconds timeout = std::min(answer_timeout, end - std::min(monotonic_now(), end));
    COLDSCOPE_TRY(Received reply, ask({Type::observe, 0, {}, 0}, "cannot observe", timeout, list));
    if (!reply.fd)
        return failure(Code::io, "the guard sent no pipe");
    return std::move(reply.fd);
}

Result<void> Client::mount_fuse(const std::string& target, const std::string& source,
                                const std::string& note) {
    COLDSCOPE_CHECK(ask({Type::fuse, 0, {target, source, note}, 0},
                        fmt::format("cannot mount FUSE on {}", target), answer_timeout));
    return {};
}

Result<FuseConnection> Client::connection() {
    COLDSCOPE_TRY(Received reply, ask({Type::connection, 0, {}, 0},
                                      "the guard has no FUSE connection", answer_timeout));
    told_ = reply.message.texts[0];
    FuseConnection connection{std::move(reply.fd), {}, {}};
    const std::size_t end = told_.find('\n');
    if (!connection.device || end == std::string::npos || end % 2 != 0)
        return failure(Code::io, "the guard sent no FUSE connection");
    for (std::size_t at = 0; at < end; at += 2) {
        unsigned value = 0;
        const auto [last, error] = std::from_chars(&told_[at], &told_[at] + 2, value, 16);
        if (error != std::errc() || last != &told_[at] + 2)
            return failure(Code::io, "the guard sent no FUSE connection", at);
        connection.init.push_back(static_cast<std::byte>(value));
    }
    connection.note = told_.substr(end + 1);
    connection_ = connection.device.get();
    return connection;
}

void Client::keep(const std::string& path, const std::string& device, Kind kind) {
    const Message message{Type::keep, static_cast<std::uint32_t>(kind), {path, device}, 0};
    const auto known = std::ranges::find_if(kept_, [&](const Message& kept) {
        return kept.texts[0] == path && kept.number == message.number;
    });
    if (known != kept_.end())
        *known = message;
    else
        kept_.push_back(message);
    (void)send(process_.socket, message);
}

void Client::forget(const std::string& path) {
    std::erase_if(kept_, [&](const Message& kept) { return kept.texts[0] == path; });
    (void)send(process_.socket, {Type::forget, 0, {path}, 0});
}

void Client::unmark(const std::string& path) {
    (void)send(process_.socket, {Type::unmark, 0, {path}, 0}, false);
}

bool Client::beat() {
    const bool reached = send(process_.socket, {Type::beat, 0, {}, 0}, false).has_value() &&
                         !handing_over_.load(std::memory_order_relaxed);
    gone_.store(!reached, std::memory_order_relaxed);
    return reached;
}

} // namespace coldscope::guard
