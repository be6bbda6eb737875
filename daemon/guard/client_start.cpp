#include "daemon/guard/client_start.h"

#include "core/base/host_environment.h"
#include "core/base/shell_word.h"
#include "daemon/guard/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr Nanoseconds no_limit = 365 * 24 * 3600 * second; // no clock of a machine overflows
constexpr Nanoseconds password_timeout = 120 * second;
constexpr Nanoseconds start_timeout = 5 * second;
constexpr Nanoseconds reap_timeout = 2 * second;
constexpr Nanoseconds look_for_end = 100 * millisecond; // of whether it is given up

constexpr int pkexec_dismissed = 126; // by the user

// What tells a guard under pkexec or sudo whom it serves is not for one that serves this process.
std::vector<std::string> own_environment() {
    std::vector<std::string> kept = host_environment();
    std::erase_if(kept, [](const std::string& entry) {
        return entry.starts_with("PKEXEC_UID=") || entry.starts_with("SUDO_UID=");
    });
    return kept;
}

// Whom it serves comes first where root starts it: polkit's actions go by the first argument.
std::vector<std::string> guard_words(const ClientOptions& options, const std::string& program,
                                     const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{program};
    if (options.rights != Rights::own && geteuid() != 0) {
        words.emplace_back(options.rights == Rights::root_trusted ? "--trusted-user" : "--user");
        words.push_back(fmt::format("{}", getuid()));
    }
    words.insert(words.end(), more.begin(), more.end());
    words.emplace_back("--grace");
    words.push_back(fmt::format("{}", options.grace / millisecond));
    for (const std::string& folder : options.folders) {
        words.emplace_back("--folder");
        words.push_back(folder);
    }
    for (const std::string& folder : options.watched) {
        words.emplace_back("--watch");
        words.push_back(folder);
    }
    return words;
}

// How long until it answers, if it does. While somebody may give it up, a password takes its time.
Nanoseconds timeout_of(Way way, const ClientOptions& options) {
    if (way != Way::pkexec)
        return start_timeout;
    return options.by_hand != nullptr ? no_limit : password_timeout;
}

Result<std::unique_ptr<Client>> answered(const ClientOptions& options,
                                         Result<std::unique_ptr<Client>> client) {
    if (client && options.by_hand != nullptr && options.by_hand->connected)
        options.by_hand->connected();
    return client;
}

} // namespace

std::string_view name(Way way) {
    return way == Way::pkexec ? "pkexec" : way == Way::sudo ? "sudo" : "coldscope-guard";
}

std::vector<Way> ways(const ClientOptions& options) {
    if (options.rights == Rights::own || geteuid() == 0)
        return {Way::directly};
    return {Way::pkexec, Way::sudo};
}

std::string guard_command(const ClientOptions& options, const std::string& program,
                          const std::vector<std::string>& more) {
    std::string text;
    for (const std::string& word : guard_words(options, program, more))
        text += (text.empty() ? "" : " ") + shell_word(word);
    return text;
}

Result<Process> launch(const ClientOptions& options, Way way) {
    COLDSCOPE_TRY(auto program, Program::find());
    std::vector<std::string> words = guard_words(options, program->path());
    if (way == Way::sudo)
        words.insert(words.begin(), {"sudo", "-n", "--"});
    else if (way == Way::pkexec)
        words.insert(words.begin(), "pkexec");
    const std::vector<char*> arguments = exec_list(words);
    std::vector<std::string> variables = own_environment();
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return system_error("cannot make a socket pair");
    tell_senders(pair[0]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pair[1], 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // Who asks for a password may be interrupted; the guard itself never may.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    if (way != Way::directly)
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    Process process{pair[0], 0, std::move(program)};
    const int status = posix_spawnp(&process.pid, arguments[0], &actions, &attributes,
                                    arguments.data(), exec_list(variables).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pair[1]);
    if (status != 0) {
        ::close(pair[0]);
        return system_error(status, fmt::format("cannot start {}", words[0]));
    }
    return process;
}

int exit_code(pid_t child) {
    int status = 0;
    const Nanoseconds end = monotonic_now() + reap_timeout;
    pid_t ended = 0;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 && monotonic_now() < end)
        usleep(2000);
    return ended == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Result<void> await(int socket, Nanoseconds timeout, const ByHand* by_hand) {
    const Nanoseconds end = monotonic_now() + std::min(timeout, no_limit);
    for (Nanoseconds now = 0; (now = monotonic_now()) < end;) {
        if (by_hand != nullptr && by_hand->given_up)
            return failure(Code::cancelled, "a guard with root's rights was given up");
        pollfd entry{socket, POLLIN, 0};
        const Nanoseconds turn = std::min(end - now, look_for_end);
        const int ready = poll(&entry, 1, static_cast<int>(turn / millisecond) + 1);
        if (ready > 0)
            return {};
        if (ready < 0 && errno != EINTR)
            return system_error("cannot wait for the guard");
    }
    return system_error(ETIMEDOUT, "the guard does not answer");
}

Result<Invitation> Invitation::make(const ClientOptions& options) {
    COLDSCOPE_TRY(auto program, Program::find());
    COLDSCOPE_TRY(PrivateFolder folder, PrivateFolder::make(PrivateFolder::Use::sockets));
    const std::string path = folder.path() + std::string(PrivateFolder::socket);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    Fd listening(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listening ||
        bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listening.get(), 4) != 0)
        return system_error(fmt::format("cannot listen at {}", path));
    Invitation invitation(std::move(folder), std::move(program), std::move(listening));
    invitation.by_hand_ = options.by_hand;
    invitation.command_ =
        "sudo " + guard_command(options, invitation.program_->path(), {"--connect", path});
    return invitation;
}

Result<Process> Invitation::next() const {
    for (;;) {
        COLDSCOPE_CHECK(await(listening_.get(), no_limit, by_hand_.get()));
        Fd socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
            return system_error("cannot take the guard's connection");
        ucred peer{};
        socklen_t size = sizeof peer;
        if (!socket || getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
            peer.uid != 0)
            continue;
        tell_senders(socket.get());
        return Process{socket.release(), 0, program_};
    }
}

Result<std::unique_ptr<Client>> Client::start(const ClientOptions& options) {
    if (options.socket >= 0) {
        tell_senders(options.socket); // the other end may not have asked for it yet
        return greet({options.socket, 0}, options, answer_timeout);
    }
    const auto given_up = [&] { return options.by_hand != nullptr && options.by_hand->given_up; };
    std::string reasons;
    bool refused = false;
    for (const Way way : ways(options)) {
        const auto process = launch(options, way);
        if (!process && way == Way::directly)
            return std::unexpected(process.error());
        if (!process) {
            reasons += fmt::format("{}; ", describe(process.error()));
            continue;
        }
        auto client = greet(*process, options, timeout_of(way, options));
        if (client)
            return answered(options, std::move(client));
        if (given_up() || client.error().sys_errno == ETIMEDOUT)
            kill(process->pid, SIGTERM); // whoever still asks; a guard finds its socket closed
        const int code = exit_code(process->pid);
        if (way == Way::directly || given_up())
            return client;
        reasons +=
            fmt::format("{} did not start it ({}); ", name(way),
                        code < 0 ? describe(client.error()) : fmt::format("exit status {}", code));
        refused = code == pkexec_dismissed;
        if (refused)
            break;
    }
    if (options.by_hand != nullptr && !refused)
        return start_by_hand(options);
    return system_error(EPERM, fmt::format("the guard does not run as root: {}whoever may can "
                                           "start it with a socket as standard input, whose other "
                                           "end --guard-fd takes: {}",
                                           reasons, guard_command(options, original_program())));
}

// One that does not come to serve, as its own terminal says, may be started again.
Result<std::unique_ptr<Client>> Client::start_by_hand(const ClientOptions& options) {
    COLDSCOPE_TRY(const Invitation invitation, Invitation::make(options));
    options.by_hand->show(invitation.command(), options.rights);
    for (;;) {
        COLDSCOPE_TRY(Process process, invitation.next());
        auto client = greet(std::move(process), options, answer_timeout);
        if (client || options.by_hand->given_up)
            return answered(options, std::move(client));
    }
}

// It is there, and takes messages from here.
Result<std::unique_ptr<Client>> Client::greet(Process process, const ClientOptions& options,
                                              Nanoseconds timeout) {
    std::unique_ptr<Client> client(new Client({process.socket, 0, process.program}, options));
    const Message hello{Type::hello, 0, {}, ++client->sequence_};
    auto greeted = send(process.socket, hello);
    if (greeted)
        greeted = await(process.socket, timeout, options.by_hand.get());
    if (greeted) {
        const auto answer =
            client->answer_to(hello.sequence, "the guard does not answer", answer_timeout);
        if (!answer)
            greeted = std::unexpected(answer.error());
    }
    if (!greeted) { // nobody is there to say farewell to
        ::close(std::exchange(client->process_.socket, -1));
        return std::unexpected(greeted.error());
    }
    client->process_.pid = process.pid; // before, it is the caller's to wait for
    return client;
}

} // namespace coldscope::guard
