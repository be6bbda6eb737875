#include "tests/kernel/pkexec_relay.h"

#include <QFile>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coldscope::test {

namespace {

// Its bytes, and the descriptor that came with them.
std::string receive(int socket, int& fd) {
    std::string bytes(65536, '\0');
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&header); got > 0 && rights != nullptr)
        std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return bytes;
}

pid_t start(const QStringList& words, uid_t user, int input) {
    std::vector<std::string> kept;
    for (const QString& word : words)
        kept.push_back(word.toStdString());
    std::vector<char*> arguments;
    for (std::string& word : kept)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::string who = "PKEXEC_UID=" + std::to_string(user);
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::array<char*, 3> environment{who.data(), path.data(), nullptr};
    const pid_t child = fork();
    if (child == 0) {
        dup2(input, 0);
        syscall(SYS_close_range, 3u, ~0u, 0u);
        execve(arguments[0], arguments.data(), environment.data());
        _exit(127);
    }
    return child;
}

} // namespace

PkexecRelay::PkexecRelay(Answer answer) : answer_(answer) {
    chmod(qPrintable(folder_.path()), 0755);
    mkdir(qPrintable(path()), 0755);
    QFile::copy(QStringLiteral(COLDSCOPE_STANDIN_PKEXEC), path() + "/pkexec");
    chmod(qPrintable(path() + "/pkexec"), 0755);
    listening_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = socket_path().toStdString();
    std::memcpy(address.sun_path, name.c_str(), name.size());
    if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        chmod(name.c_str(), 0666) != 0 || listen(listening_, 4) != 0)
        qFatal("cannot listen at %s", name.c_str());
    thread_ = std::thread([this] { serve(); });
}

PkexecRelay::~PkexecRelay() {
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    ::close(listening_);
}

QStringList PkexecRelay::asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
}

pid_t PkexecRelay::started() {
    const std::lock_guard lock(mutex_);
    return started_;
}

// One after the other: each is there until what it asked for has ended.
void PkexecRelay::serve() {
    for (int asking = -1; (asking = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
        ucred who{};
        socklen_t size = sizeof who;
        getsockopt(asking, SOL_SOCKET, SO_PEERCRED, &who, &size);
        int input = -1;
        const std::string words = receive(asking, input);
        const QStringList asked = QString::fromStdString(words).split(QChar('\0'));
        const pid_t child = answer_ == Answer::yes ? start(asked, who.uid, input) : 0;
        {
            const std::lock_guard lock(mutex_);
            asked_ = asked;
            started_ = child;
        }
        std::array<char, 1> end{};
        if (answer_ == Answer::none) // until who asks is gone
            (void)!recv(asking, end.data(), end.size(), 0);
        ::close(input);
        int status = 126 << 8;
        if (child > 0)
            waitpid(child, &status, 0);
        const std::string code = std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
        (void)!send(asking, code.data(), code.size(), MSG_NOSIGNAL);
        ::close(asking);
    }
}

} // namespace coldscope::test
