#include "daemon/guard/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace coldscope::guard {

namespace {
constexpr Nanoseconds mount_timeout = 30 * second; // a mount reads from a source that may be slow
constexpr Nanoseconds unmount_timeout = 5 * second;
constexpr Nanoseconds reap_timeout = 2 * second;
} // namespace

Result<Client::Process> Client::launch() {
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const std::string path = (self.parent_path() / "coldscope-guard").string();
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return system_error("cannot make a socket pair");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
    std::array<char*, 2> arguments{const_cast<char*>("coldscope-guard"), nullptr};
    Process process{pair[0], 0};
    const int status =
        posix_spawn(&process.pid, path.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pair[1]);
    if (status != 0) {
        ::close(pair[0]);
        return system_error(status, fmt::format("cannot start the guard {}", path));
    }
    return process;
}

Result<std::unique_ptr<Client>> Client::start() {
    COLDSCOPE_TRY(const Process process, launch());
    return std::unique_ptr<Client>(new Client(process));
}

Client::~Client() {
    ::close(process_.socket);
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
    reap();
    process_.pid = next.pid;
    gone_.store(false, std::memory_order_relaxed);
    for (const Message& kept : kept_)
        COLDSCOPE_CHECK(send(process_.socket, kept));
    return {};
}

Result<void> Client::ask(Message message, const std::string& what, Nanoseconds timeout) {
    auto answer = ask_once(message, what, timeout);
    const bool died =
        !answer && (answer.error().code == Code::cancelled || answer.error().sys_errno == EPIPE ||
                    answer.error().sys_errno == ECONNRESET);
    if (!died)
        return answer;
    COLDSCOPE_CHECK(restart());
    return ask_once(message, what, timeout);
}

Result<void> Client::ask_once(Message& message, const std::string& what, Nanoseconds timeout) {
    message.sequence = ++sequence_;
    COLDSCOPE_CHECK(send(process_.socket, message));
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
        COLDSCOPE_TRY(const Message reply, receive(process_.socket));
        if (reply.type != Type::reply || reply.sequence != message.sequence)
            continue; // to a question that was given up
        if (reply.number != 0)
            return system_error(static_cast<int>(reply.number), what);
        return {};
    }
}

Result<void> Client::mount_erofs(const std::string& source, const std::string& target,
                                 const std::string& options) {
    return ask({Type::mount, 0, {source, target, options}},
               fmt::format("cannot mount EROFS on {} (the kernel's log may say why)", target),
               mount_timeout);
}

Result<void> Client::unmount(const std::string& target, const std::string& device, bool lazily) {
    return ask({Type::unmount, lazily ? 1u : 0u, {target, device}},
               fmt::format("cannot unmount {}", target), unmount_timeout);
}

void Client::keep(const std::string& path, const std::string& device, Kind kind) {
    const Message message{Type::keep, static_cast<std::uint32_t>(kind), {path, device}};
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
    (void)send(process_.socket, {Type::forget, 0, {path}});
}

bool Client::beat() {
    const bool reached = send(process_.socket, {Type::beat, 0, {}}, false).has_value();
    gone_.store(!reached, std::memory_order_relaxed);
    return reached;
}

} // namespace coldscope::guard
