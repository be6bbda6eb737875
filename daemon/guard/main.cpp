// coldscope-guard: started by its client, or for it by whoever may, with a connected socket as
// descriptor 0; or by hand as root, and then it connects to its client itself.
#include "coldscope_version.h"
#include "daemon/guard/privilege.h"
#include "daemon/guard/server.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace coldscope;

constexpr auto usage =
    "usage: coldscope-guard [--folder PATH]... [--watch PATH]... [--user UID | --trusted-user "
    "UID]\n"
    "                       [--grace MS] [--connect SOCKET]\n"
    "Started by Coldscope: its standard input is its client's socket. Or by root, with a command\n"
    "that Coldscope shows: then it connects to that socket of the user's. A folder that is "
    "watched\n"
    "is one of whose files the user is told which pages are in memory, if he may read them.\n"
    "A trusted user may use fanotify, with whose group he could read and write what root can.\n";

int refuse(const Error& error) {
    std::fprintf(stderr, "coldscope-guard: %s\n", describe(error).c_str());
    return 2;
}

// Whatever else may answer there is not written to: root was led to a path of the user's.
Result<void> connect_to(const std::string& path, uid_t user) {
    if (geteuid() != 0)
        return system_error(EPERM, "it does not run as root");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return failure(Code::invalid, path + " is too long for a socket");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return system_error("no Coldscope waits at " + path);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != user)
        return system_error(EPERM, path + " is not the user's");
    if (dup2(socket.get(), 0) < 0)
        return system_error("cannot take the socket");
    return {};
}

// Gives the terminal back to whoever started it by hand: it goes on in a child, and this process
// ends. Its client knows the socket alone.
Result<void> leave_terminal() {
    const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!nothing)
        return system_error("cannot open /dev/null");
    std::fputs("coldscope-guard: connected. It ends with what it serves, and has left this "
               "terminal.\n",
               stderr);
    const pid_t child = fork();
    if (child < 0)
        return system_error("cannot start a process");
    if (child > 0)
        _exit(0);
    if (setsid() < 0 || dup2(nothing.get(), 1) < 0 || dup2(nothing.get(), 2) < 0)
        return system_error("cannot leave the terminal");
    return {};
}

int serve(const std::vector<std::string>& paths, std::vector<std::string> watched,
          std::string_view user, bool trusted, Nanoseconds grace, const std::string& connect) {
    guard::ServerOptions options;
    options.watched = std::move(watched);
    options.trusted = trusted;
    options.grace = grace;
    const auto served = guard::served_user(user, !connect.empty());
    if (!served)
        return refuse(served.error());
    options.user = *served;
    if (!connect.empty()) {
        if (const auto connected = connect_to(connect, options.user); !connected)
            return refuse(connected.error());
    }
    // It must outlive whatever ends the client: no terminal's or session's signal may reach it.
    setsid();
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU})
        std::signal(number, SIG_IGN);
    syscall(SYS_close_range, 3u, ~0u, 0u); // Linux 5.9
    if (const auto dropped = guard::drop_privilege(); !dropped)
        return refuse(dropped.error());
    auto folders = guard::Folders::open(paths, options.user);
    if (!folders)
        return refuse(folders.error());
    if (chdir("/") != 0)
        return 1;
    if (!connect.empty()) {
        if (const auto left = leave_terminal(); !left)
            return refuse(left.error());
    }
    guard::Server(Fd(0), std::move(*folders), options).run();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    if (words.size() == 1 && words[0] == "--version") {
        std::puts("coldscope-guard " COLDSCOPE_VERSION);
        return 0;
    }
    bool sound = words.size() % 2 == 0;
    std::vector<std::string> folders;
    std::vector<std::string> watched;
    std::string_view user;
    std::string connect;
    bool named = false;
    bool trusted = false;
    long grace_ms = 1000;
    for (std::size_t i = 0; sound && i < words.size(); i += 2) {
        const std::string_view value = words[i + 1];
        if (words[i] == "--folder") {
            folders.emplace_back(value);
        } else if (words[i] == "--watch") {
            watched.emplace_back(value);
        } else if (words[i] == "--connect") {
            connect = value;
        } else if (words[i] == "--user" || words[i] == "--trusted-user") {
            // Whoever allowed one of them, as polkit asks, did not allow the other.
            sound = !named;
            named = true;
            user = value;
            trusted = words[i] == "--trusted-user";
        } else {
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), grace_ms);
            sound = words[i] == "--grace" && error == std::errc() &&
                    end == value.data() + value.size() && grace_ms >= 0 && grace_ms <= 60'000;
        }
    }
    int type = 0;
    socklen_t length = sizeof type;
    if (connect.empty())
        sound = sound && getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
                type == SOCK_SEQPACKET;
    if (!sound) {
        std::fputs(usage, stderr);
        return 2;
    }
    return serve(folders, std::move(watched), user, trusted, grace_ms * millisecond, connect);
}
