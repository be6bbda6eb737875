#include "daemon/guard/client_start.h"

#include "core/base/host_environment.h"
#include "daemon/guard/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr Nanoseconds no_limit = 365 * 24 * 3600 * second; // no clock of a machine overflows
constexpr Nanoseconds look_for_end = 100 * millisecond;    // of whether it is given up

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

std::string quoted(const std::string& word) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "_-./";
    if (word.find_first_not_of(plain) == std::string::npos)
        return word;
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + '\'';
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

Nanoseconds start_timeout(Way way) {
    return way == Way::pkexec ? 120 * second : 5 * second; // somebody types a password
}

std::string guard_command(const ClientOptions& options, const std::string& program,
                          const std::vector<std::string>& more) {
    std::string text;
    for (const std::string& word : guard_words(options, program, more))
        text += (text.empty() ? "" : " ") + quoted(word);
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
        ucred peer{};
        socklen_t size = sizeof peer;
        if (!socket || getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
            peer.uid != 0)
            continue;
        tell_senders(socket.get());
        return Process{socket.release(), 0, program_};
    }
}

} // namespace coldscope::guard
