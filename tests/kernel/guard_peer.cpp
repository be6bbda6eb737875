#include "tests/kernel/guard_peer.h"

#include "tests/kernel/live_run.h"

#include <QElapsedTimer>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coldscope::test {

namespace {

using guard::Message;
using guard::Type;

// What the test asks of the process itself, in messages of type reply.
constexpr std::uint32_t send_bytes = 1; // in hexadecimal
constexpr std::uint32_t send_zeros = 2; // so many
constexpr std::uint32_t mark_path = 3;  // with the group's descriptor

std::string from_hex(const std::string& hex) {
    return QByteArray::fromHex(QByteArray::fromStdString(hex)).toStdString();
}

Message reply_from(int socket, Fd& fd) {
    pollfd entry{socket, POLLIN, 0};
    if (poll(&entry, 1, 20000) <= 0)
        return {Type::reply, ETIMEDOUT, {"no reply"}};
    auto reply = guard::receive(socket);
    if (!reply)
        return {Type::reply, ECONNRESET, {describe(reply.error())}};
    fd = std::move(reply->fd);
    return reply->message;
}

[[noreturn]] void serve_test(int control, int socket) {
    for (;;) {
        auto order = guard::receive(control);
        if (!order)
            _exit(0);
        const Message& message = order->message;
        Message answer{Type::reply, 0, {""}};
        Fd fd;
        if (message.type == Type::reply && message.number != mark_path) {
            const std::string bytes = message.number == send_zeros
                                          ? std::string(std::stoul(message.texts[0]), '\0')
                                          : from_hex(message.texts[0]);
            if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
                answer.number = static_cast<std::uint32_t>(errno);
        } else if (message.type == Type::reply) {
            if (fanotify_mark(order->fd.get(), FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD,
                              AT_FDCWD, message.texts[0].c_str()) != 0)
                answer.number = static_cast<std::uint32_t>(errno);
        } else if (!guard::send(socket, message, true, order->fd.get())) {
            answer.number = EPIPE;
        } else {
            answer = reply_from(socket, fd);
        }
        if (!guard::send(control, answer, true, fd.get()))
            _exit(1);
    }
}

} // namespace

Peer::Peer(int guard_socket, uid_t user) {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        qFatal("no socket pair");
    pid_ = fork();
    if (pid_ == 0) {
        ::close(ends[0]);
        if (setgroups(0, nullptr) != 0 || setgid(user) != 0 || setuid(user) != 0)
            _exit(126);
        serve_test(ends[1], guard_socket);
    }
    ::close(ends[1]);
    control_ = ends[0];
}

Peer::~Peer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(control_);
}

guard::Received Peer::ask(Message message, int fd) {
    if (!guard::send(control_, message, true, fd))
        qFatal("a test's process is gone");
    auto reply = guard::receive(control_);
    if (!reply)
        qFatal("a test's process is gone");
    return std::move(*reply);
}

void Peer::tell(const Message& message) {
    const auto bytes = guard::encode(message);
    tell_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void Peer::tell_bytes(const std::string& bytes) {
    const std::string hex = QByteArray::fromStdString(bytes).toHex().toStdString();
    const auto told = ask({Type::reply, send_bytes, {hex}});
    if (told.message.number != 0)
        qWarning("sending: %s", strerror(static_cast<int>(told.message.number)));
}

void Peer::tell_zeros(std::size_t count) {
    (void)ask({Type::reply, send_zeros, {std::to_string(count)}});
}

int Peer::mark_opens(int group, const std::string& path) {
    return static_cast<int>(ask({Type::reply, mark_path, {path}}, group).message.number);
}

GuardRun::GuardRun(uid_t user) {
    QFile::setPermissions(folder_.path(), QFile::Permissions(0x7755));
    for (const std::string& path : {cache(), mount()}) {
        if (::mkdir(path.c_str(), 0755) != 0 || ::chown(path.c_str(), user, user) != 0)
            qWarning("cannot make %s", path.c_str());
    }
}

GuardRun::~GuardRun() {
    if (socket_ >= 0)
        ::close(socket_);
    if (process_.state() != QProcess::NotRunning && !process_.waitForFinished(20000))
        qWarning("the guard stays");
}

bool GuardRun::start(const QStringList& more, const QStringList& environment) {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    guard::tell_senders(ends[0]);
    process_.setProcessChannelMode(QProcess::MergedChannels);
    process_.setChildProcessModifier([end = ends[1]] { ::dup2(end, 0); });
    if (!environment.isEmpty())
        process_.setEnvironment(QProcess::systemEnvironment() + environment);
    process_.start(program("coldscope-guard"),
                   QStringList{"--folder", QString::fromStdString(cache()), "--folder",
                               QString::fromStdString(mount()), "--grace", "0"} +
                       more);
    const bool started = process_.waitForStarted();
    ::close(ends[1]);
    socket_ = ends[0];
    return started;
}

bool GuardRun::said(const QByteArray& text) {
    QElapsedTimer waited;
    waited.start();
    do {
        process_.waitForReadyRead(20);
        output_ += process_.readAll();
        if (const qsizetype at = output_.indexOf(text); at >= 0) {
            output_.remove(0, at + text.size());
            return true;
        }
    } while (waited.elapsed() < 20000);
    return false;
}

int GuardRun::exit_code() {
    const bool ended = process_.state() == QProcess::NotRunning || process_.waitForFinished(20000);
    return ended ? process_.exitCode() : -1;
}

} // namespace coldscope::test
