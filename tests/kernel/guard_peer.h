// The real coldscope-guard, started as root, and the processes that talk to it.
#pragma once

#include "daemon/guard/channel.h"

#include <QProcess>
#include <QString>
#include <QTemporaryDir>
#include <string>

namespace coldscope::test {

// A process of a user's own that sends for the test: the guard asks the kernel who sent.
class Peer {
public:
    Peer(int guard_socket, uid_t user);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    // The guard's reply. Its number is ETIMEDOUT when none came for 20 s.
    [[nodiscard]] guard::Received ask(guard::Message message, int fd = -1);
    // Without waiting for a reply.
    void tell(const guard::Message& message);
    void tell_bytes(const std::string& bytes);
    void tell_zeros(std::size_t count);
    // fanotify_mark(2) of a path for opens, by this process, on a descriptor; an errno, or 0.
    [[nodiscard]] int mark_opens(int group, const std::string& path);
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    int control_ = -1;
    pid_t pid_ = 0;
};

// Serves a user by a socket pair, in folders of the user's: CACHE and MOUNT.
class GuardRun {
public:
    explicit GuardRun(uid_t user);
    ~GuardRun();
    [[nodiscard]] bool start(const QStringList& more = {}, const QStringList& environment = {});
    // Waits until it has written this since the last call that found something.
    [[nodiscard]] bool said(const QByteArray& text);
    [[nodiscard]] QByteArray output() const { return output_; }
    [[nodiscard]] int exit_code(); // -1: it lives

    [[nodiscard]] int socket() const { return socket_; } // the client's end
    [[nodiscard]] qint64 pid() const { return process_.processId(); }
    [[nodiscard]] std::string folder() const { return folder_.path().toStdString(); }
    [[nodiscard]] std::string cache() const { return folder() + "/cache"; }
    [[nodiscard]] std::string mount() const { return folder() + "/mount"; }

private:
    QTemporaryDir folder_;
    QProcess process_;
    QByteArray output_;
    int socket_ = -1;
};

} // namespace coldscope::test
