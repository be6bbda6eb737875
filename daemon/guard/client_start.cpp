#include "daemon/guard/client_start.h"

#include "daemon/guard/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

extern char** environ;

namespace coldscope::guard {

namespace {

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

// Whom it serves comes first where root starts it: polkit's actions go by the first argument.
std::vector<std::string> guard_words(const ClientOptions& options) {
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    std::vector<std::string> words{(self.parent_path() / "coldscope-guard").string()};
    if (options.rights != Rights::own && geteuid() != 0) {
        words.emplace_back(options.rights == Rights::root_trusted ? "--trusted-user" : "--user");
        words.push_back(fmt::format("{}", getuid()));
    }
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

std::string guard_command(const ClientOptions& options) {
    std::string text;
    for (const std::string& word : guard_words(options))
        text += (text.empty() ? "" : " ") + quoted(word);
    return text;
}

Result<Process> launch(const ClientOptions& options, Way way) {
    std::vector<std::string> words = guard_words(options);
    if (way == Way::sudo)
        words.insert(words.begin(), {"sudo", "-n", "--"});
    else if (way == Way::pkexec)
        words.insert(words.begin(), "pkexec");
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
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // Who asks for a password may be interrupted; the guard itself never may.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    if (way != Way::directly)
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    Process process{pair[0], 0};
    const int status = posix_spawnp(&process.pid, arguments[0], &actions, &attributes,
                                    arguments.data(), own_environment().data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pair[1]);
    if (status != 0) {
        ::close(pair[0]);
        return system_error(status, fmt::format("cannot start {}", words[0]));
    }
    return process;
}

} // namespace coldscope::guard
