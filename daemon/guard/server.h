// The guard: outlives its client, and takes its mounts away when it dies, so that no reader waits
// for an answer that nobody will give. It parses no image and holds no descriptor of a transport;
// what might wait for the client (a mount) happens in a child.
#pragma once

#include "core/base/clock.h"
#include "daemon/guard/protocol.h"

#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace coldscope::guard {

class Server {
public:
    // socket: connected to the client. silence: how long the client's ring thread may be silent
    // once it has beaten; then the client is killed.
    explicit Server(int socket, Nanoseconds silence);
    ~Server();
    // Until the client is gone and its mounts are taken away.
    void run();

private:
    struct Kept {
        std::string path;
        std::string device;
        Kind kind = Kind::folder;
    };
    void keep(Kept kept);
    void handle(const Message& message);
    void mount(const Message& message);
    void unmount(const Message& message);
    void reply(const Message& question, int error, const std::string& what);
    void kill_client();
    void take_away();

    int socket_;    // owned
    int client_fd_; // pidfd, owned; -1 where there is none
    Nanoseconds silence_;
    Nanoseconds last_beat_ = 0; // 0 before the first
    std::vector<Kept> kept_;
};

} // namespace coldscope::guard
