#include "daemon/control/listener.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

namespace coldscope::attach {

namespace {

constexpr int backlog = 8;

sockaddr_un socket_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

// A socket on which nobody listens any more.
bool is_left_behind(const sockaddr_un& address) {
    struct stat status {};
    if (::lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
               0 &&
           errno == ECONNREFUSED;
}

} // namespace

Result<Fd> open_device(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd)
        return errno == EBUSY ? Result<Fd>(failure(Code::busy, path + " is in use"))
                              : system_error(fmt::format("opening {}", path));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !S_ISCHR(status.st_mode))
        return failure(Code::invalid, fmt::format("{} is no character device", path));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        return failure(Code::busy, fmt::format("{} is in use", path));
    termios settings{};
    if (::tcgetattr(fd.get(), &settings) == 0) {
        ::ioctl(fd.get(), TIOCEXCL);
        ::cfmakeraw(&settings);
        settings.c_cflag |= CLOCAL;
        if (::tcsetattr(fd.get(), TCSANOW, &settings) != 0)
            return system_error(fmt::format("making {} pass all bytes", path));
    }
    return fd;
}

Result<Listener> Listener::open(const Address& address) {
    if (address.kind == Address::Kind::socket)
        return open_socket(address);
    if (address.kind == Address::Kind::standard)
        return open_standard(address);
    COLDSCOPE_TRY(Fd fd, open_device(address.rest));
    return Listener(address, std::move(fd));
}

Result<Listener> Listener::open_socket(const Address& address) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return system_error("making a socket");
    // Before it has a name, so that it never stands there with another mode.
    if (::fchmod(fd.get(), 0600) != 0)
        return system_error("making a socket");
    const sockaddr_un name = socket_address(address.rest);
    const auto bind_it = [&] {
        return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
    };
    if (!bind_it() &&
        !(errno == EADDRINUSE && is_left_behind(name) && ::unlink(name.sun_path) == 0 && bind_it()))
        return errno == EADDRINUSE || errno == ECONNREFUSED
                   ? Result<Listener>(failure(
                         Code::busy, fmt::format("{} is there already, and in use", address.rest)))
                   : system_error(fmt::format("making the socket {}", address.rest));
    Listener listener(address, std::move(fd));
    struct stat status {};
    if (::lstat(name.sun_path, &status) == 0) {
        listener.device_ = status.st_dev;
        listener.inode_ = status.st_ino;
    }
    if ((status.st_mode & 0077) != 0 || ::listen(listener.fd_.get(), backlog) != 0)
        return system_error(fmt::format("listening on {}", address.rest));
    return listener;
}

// Standard input and output become the link's; nothing else reads or writes there then.
Result<Listener> Listener::open_standard(const Address& address) {
    Fd input(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    Fd output(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    const Fd empty(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!input || !output || !empty || ::dup2(empty.get(), STDIN_FILENO) < 0 ||
        ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return system_error("taking standard input and output");
    Listener listener(address, std::move(input));
    listener.output_ = std::move(output);
    return listener;
}

Listener::Listener(Listener&& other) noexcept
    : address_(std::move(other.address_)), fd_(std::move(other.fd_)),
      output_(std::move(other.output_)), device_(other.device_),
      inode_(std::exchange(other.inode_, 0)) {}

Listener::~Listener() {
    struct stat status {};
    if (inode_ != 0 && ::lstat(address_.rest.c_str(), &status) == 0 && status.st_dev == device_ &&
        status.st_ino == inode_)
        ::unlink(address_.rest.c_str());
}

int Listener::fd() const {
    return address_.kind == Address::Kind::socket ? fd_.get() : -1;
}

std::optional<Listener::Caller> Listener::accept() {
    if (address_.kind != Address::Kind::socket)
        return std::nullopt;
    Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd)
        return std::nullopt;
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    return Caller{Link(std::move(fd)), known && (peer.uid == ::geteuid() || peer.uid == 0)};
}

std::optional<Link> Listener::take_link() {
    if (address_.kind == Address::Kind::socket || !fd_)
        return std::nullopt;
    return Link(std::move(fd_), std::move(output_), address_.kind == Address::Kind::device);
}

} // namespace coldscope::attach
