#include "daemon/guard/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace coldscope::guard {

namespace {

constexpr Nanoseconds mount_timeout = 30 * second; // a mount reads from a source that may be slow
constexpr Nanoseconds answer_timeout = 5 * second;
constexpr Nanoseconds who_timeout = second;
constexpr Nanoseconds reap_timeout = 2 * second;

// What tells a guard under pkexec or sudo whom it serves is not for one that serves this process.
std::vector<char*> own_environment() {
    std::vector<char*> kept;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view entry(*at);
        if (!entry.starts_with("PKEXEC_UID=") && !entry.starts_with("SUDO_UID="))
            kept.push_back(*at);
    }
    kept.push_back(nullptr);
    return kept;
}

// The other side is no more, or has closed.
bool closed(const Error& error) {
    return error.code == Code::cancelled || error.sys_errno == EPIPE ||
           error.sys_errno == ECONNRESET;
}

} // namespace

Result<Client::Process> Client::launch() const {
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const std::string path = (self.parent_path() / "coldscope-guard").string();
    std::vector<std::string> words{"coldscope-guard", "--grace",
                                   fmt::format("{}", options_.grace / millisecond)};
    for (const std::string& folder : options_.folders) {
        words.emplace_back("--folder");
        words.push_back(folder);
    }
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return system_error("cannot make a socket pair");
    tell_senders(pair[0]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
    Process process{pair[0], 0};
    const int status = posix_spawn(&process.pid, path.c_str(), &actions, nullptr, arguments.data(),
                                   own_environment().data());
    posix_spawn_file_actions_destroy(&actions);
    ::close(pair[1]);
    if (status != 0) {
        ::close(pair[0]);
        return system_error(status, fmt::format("cannot start the guard {}", path));
    }
    return process;
}

Result<std::unique_ptr<Client>> Client::start(const ClientOptions& options) {
    std::unique_ptr<Client> client(new Client({options.socket, 0}, options));
    if (options.socket < 0) {
        COLDSCOPE_TRY(client->process_, client->launch());
    }
    // It is there, and takes messages from here.
    Message hello{Type::hello, 0, {}, 0};
    COLDSCOPE_CHECK(client->ask_once(hello, "the guard does not answer", answer_timeout));
    return client;
}

Result<std::unique_ptr<Client>> Client::take_over(const ClientOptions& options) {
    const std::string path = options.folders.front() + '/' + socket_name;
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // A path too long for an address is reached by the folder's descriptor.
    const Fd folder(::open(options.folders.front().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const std::string short_path = fmt::format("/proc/self/fd/{}/{}", folder.get(), socket_name);
    std::memcpy(address.sun_path, short_path.c_str(), short_path.size());
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
    client->taken_mount_ = reply->message.texts[0];
    return client;
}

Client::~Client() {
    group_.reset();
    device_.reset();
    Message bye{Type::bye, 0, {}, 0};
    const auto ended = ask_once(bye, "the guard", who_timeout);
    ::close(process_.socket);
    // EBUSY: it stays, for those who still have files of the mount open.
    if (process_.pid != 0 && (ended || ended.error().sys_errno != EBUSY))
        reap();
}

void Client::reap() const {
    const Nanoseconds end = monotonic_now() + reap_timeout;
    while (waitpid(process_.pid, nullptr, WNOHANG) == 0 && monotonic_now() < end)
        usleep(2000);
}

Result<void> Client::restart() {
    COLDSCOPE_TRY(const Process next, launch());
    // The old number keeps: a beat on another thread finds the old guard or the new one.
    dup3(next.socket, process_.socket, O_CLOEXEC);
    ::close(next.socket);
    if (process_.pid != 0)
        reap();
    process_.pid = next.pid;
    gone_.store(false, std::memory_order_relaxed);
    for (const Message& kept : kept_)
        COLDSCOPE_CHECK(send(process_.socket, kept));
    if (group_) {
        Message adopt{Type::adopt, 0, {superblocks_}, 0};
        COLDSCOPE_CHECK(
            ask_once(adopt, "cannot hand the group over", answer_timeout, group_.get()));
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
        if (reply.message.type != Type::reply || reply.message.sequence != message.sequence)
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
                        fmt::format("cannot unmount {}", target), answer_timeout));
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

Result<std::string> Client::who(pid_t thread) {
    COLDSCOPE_TRY(const Received reply,
                  ask({Type::who, static_cast<std::uint32_t>(thread), {}, 0},
                      fmt::format("cannot tell what thread {} waits for", thread), who_timeout));
    return reply.message.texts[0];
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
    const bool reached = send(process_.socket, {Type::beat, 0, {}, 0}, false).has_value();
    gone_.store(!reached, std::memory_order_relaxed);
    return reached;
}

} // namespace coldscope::guard
