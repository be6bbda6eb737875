#include "daemon/control/connect.h"

#include "core/rules/words.h"
#include "daemon/control/listener.h"
#include "daemon/run/child.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace coldscope::attach {

namespace {

constexpr std::size_t most_said = 4096; // bytes of a program's errors
constexpr int end_turns = 20;           // of 10 ms, between SIGTERM and SIGKILL

Result<Link> connect_socket(const std::string& path) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    if (!fd ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return system_error(fmt::format("connecting to {}", path));
    return Link(std::move(fd));
}

} // namespace

Result<Connection> Connection::open(const Address& address) {
    if (address.kind == Address::Kind::socket) {
        COLDSCOPE_TRY(Link link, connect_socket(address.rest));
        return Connection(std::move(link));
    }
    if (address.kind == Address::Kind::program)
        return start_program(address.rest);
    COLDSCOPE_TRY(Fd device, open_device(address.rest));
    return Connection(Link(std::move(device), {}, true));
}

Result<Connection> Connection::start_program(const std::string& command) {
    COLDSCOPE_TRY(const auto words, split_words(command));
    std::vector<std::string> arguments;
    for (const Word& word : words)
        arguments.push_back(word.text);
    std::array<int, 2> ends{-1, -1};
    std::array<int, 2> errors{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return system_error("making a pair of sockets");
    Link link{Fd(ends[0])};
    const Fd theirs(ends[1]);
    if (::pipe2(errors.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return system_error("making a pipe");
    Connection connection(std::move(link));
    connection.errors_.reset(errors[0]);
    const Fd their_errors(errors[1]);
    ::fcntl(errors[1], F_SETFL, 0); // the program may wait where it writes them
    COLDSCOPE_TRY(connection.program_,
                  start_child(arguments, ".", theirs.get(), their_errors.get(), theirs.get()));
    return connection;
}

Connection::Connection(Connection&& other) noexcept
    : link(std::move(other.link)), program_(std::exchange(other.program_, 0)),
      errors_(std::move(other.errors_)), said_(std::move(other.said_)) {}

Connection::~Connection() {
    if (program_ <= 0)
        return;
    int ignored = 0;
    ::kill(-program_, SIGTERM);
    for (int turn = 0; turn < end_turns; ++turn) {
        if (child_ended(program_, ignored))
            return;
        ::usleep(10'000);
    }
    ::kill(-program_, SIGKILL);
    while (!child_ended(program_, ignored))
        ::usleep(1000);
}

void Connection::read_errors() {
    std::array<char, 1024> bytes{};
    const ssize_t got = ::read(errors_.get(), bytes.data(), bytes.size());
    if (got > 0)
        said_.append(bytes.data(), static_cast<std::size_t>(got));
    else if (got == 0 || errno != EAGAIN)
        errors_.reset();
    if (said_.size() > most_said)
        said_.erase(0, said_.size() - most_said);
}

std::string Connection::last_error() const {
    const std::size_t end = said_.find_last_not_of(" \r\n");
    if (end == std::string::npos)
        return {};
    const std::size_t before = said_.find_last_of('\n', end);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return said_.substr(begin, end + 1 - begin);
}

} // namespace coldscope::attach
