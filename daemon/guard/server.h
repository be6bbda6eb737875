// The guard: outlives its client, and when that dies lets no reader wait for an answer that nobody
// will give, or read zeros where bytes are missing. It parses no image, opens no network, and never
// enters a mount that it serves: what might wait for the client happens in a child, without the
// fanotify group and the FUSE connection.
#pragma once

#include "core/base/clock.h"
#include "daemon/guard/cachefiles.h"
#include "daemon/guard/channel.h"
#include "daemon/guard/connection.h"
#include "daemon/guard/folders.h"
#include "daemon/guard/group.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace coldscope::guard {

inline constexpr unsigned most_descriptors = 1 << 16; // of a client: each is tried when it has died

struct ServerOptions {
    uid_t user = 0; // whose messages are taken
    // The user may be handed the fanotify group, and the cachefiles device, which feeds every mount
    // of the machine that uses it. Linux lets any holder of it mark what he may read,
    // and events then bring descriptors that are opened with root's rights: he is as good as root.
    bool trusted = false;
    std::vector<std::string> watched; // folders whose files are observed beside the others'
    Nanoseconds grace = second;       // for a client that takes over
    Nanoseconds silence = 5 * second; // of the client's ring thread, once it has beaten: then it
                                      // is killed
};

class Server {
public:
    // socket: connected to the first client.
    Server(Fd socket, Folders folders, const ServerOptions& options);
    // Until the client is gone, and with it whoever could read wrong bytes.
    void run();

private:
    struct Kept {
        std::string path;
        std::string device;
        Kind kind = Kind::folder;
    };
    void serve();
    [[nodiscard]] bool accept(const Received& received);
    void turn_away(); // of second clients
    void handle(Received& received);
    void mount(const Message& message);
    [[nodiscard]] Result<int> mount_erofs(const std::vector<std::string>& texts) const;
    void unmount(const Message& message);
    [[nodiscard]] int unmount_path(const std::string& path, const std::string& device, bool lazily);
    void mark(Received& received);
    void adopt(Received& received);
    void mount_fuse(const Message& message);
    void hand_out_connection(const Message& message);
    void adopt_connection(Received& received);
    void keep_connection();
    [[nodiscard]] bool connection_stands() const;
    void bind_cachefiles(const Message& message);
    void adopt_cachefiles(Received& received);
    void who(const Message& message);
    void lookout(Received& received);
    void trace(const Message& message);
    void observe(const Received& received);
    [[nodiscard]] Result<void> observe_in_child(const Received& received, Fd from, int into);
    void stop_observing();
    [[nodiscard]] bool trusted() const;
    void keep(Kept kept);
    void reply(const Message& question, int error, const std::string& what, int fd = -1);
    void reply(const Message& question, const Result<void>& result);
    [[nodiscard]] bool in_child(const Message& question); // true in the child
    void await_others();
    void reap();
    void limit_client();
    void end_client();
    [[nodiscard]] bool wait_for_client();
    void take_away();
    void unmount_in_child(const Kept& kept);
    void linger();

    Fd socket_;
    Fd listening_;
    Folders folders_;
    ServerOptions options_;
    Group group_;
    Connection connection_;
    Cachefiles cachefiles_;
    pid_t client_ = 0;          // 0 before its first message
    Fd client_fd_;              // pidfd
    bool bye_ = false;          // it has said so
    Nanoseconds last_beat_ = 0; // 0 before the first
    std::vector<Kept> kept_;
    int children_ = 0;              // not yet reaped
    pid_t mounting_ = 0;            // the child that mounts
    pid_t observing_ = 0;           // the child that observes
    Nanoseconds observing_end_ = 0; // when it is ended
    std::set<std::string> before_;  // that were alive when it began
    std::set<std::string> mounted_; // made by this guard
};

} // namespace coldscope::guard
