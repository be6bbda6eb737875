// The guard, from its client's side.
#pragma once

#include "core/base/clock.h"
#include "daemon/guard/channel.h"
#include "daemon/guard/client_start.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace coldscope::guard {

// With which the guard is started.
enum class Rights : unsigned char {
    own,          // this process's
    root,         // root's, by pkexec or sudo where this process is not root
    root_trusted, // the same, and whoever allows it trusts the user as root, which fanotify needs
};

struct ClientOptions {
    // All that the guard may touch, absolute and without symbolic links. The first is the cache.
    std::vector<std::string> folders;
    Nanoseconds grace = second; // for another client that takes over, once this one is dead
    // A guard that somebody with the right to start it has started: its socket, then owned. -1: it
    // is started here, as a child.
    int socket = -1;
    Rights rights = Rights::own;
    // Folders whose files observe() may be asked about beside those, absolute and without symbolic
    // links.
    std::vector<std::string> watched{};
    // Where pkexec and sudo start none and nobody refused it. Null: nobody is there to ask.
    std::shared_ptr<ByHand> by_hand{};
};

// A FUSE connection that the guard mounted.
struct FuseConnection {
    Fd device;
    std::vector<std::byte> init; // the kernel's first message, as the guard read it
    std::string note;            // as given to mount_fuse()
};

class Client {
public:
    // Starts coldscope-guard. With root's rights it may take minutes, while somebody is asked;
    // EPERM where nobody allows it, with the command that root could run; Code::cancelled once
    // options.by_hand is given up.
    [[nodiscard]] static Result<std::unique_ptr<Client>> start(const ClientOptions& options);
    // The guard whose client has died, and which still waits for another; Code::not_found when
    // there is none, Code::busy when its client lives.
    [[nodiscard]] static Result<std::unique_ptr<Client>> take_over(const ClientOptions& options);
    // The guard takes away what is still kept, and ends once nobody needs it.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // The EROFS mount that stands already, after take_over(); empty when none does.
    [[nodiscard]] const std::string& taken_mount() const { return taken_mount_; }

    // One thread at a time; each waits for the guard's answer: at most 30 s for a mount, or the end
    // of one that shares page cache, 5 s for another.
    // sources: the primary device, then the others, each directly in one of the folders.
    [[nodiscard]] Result<void> mount_erofs(const std::vector<std::string>& sources,
                                           const std::string& target, const std::string& options);
    [[nodiscard]] Result<void> unmount(const std::string& target, const std::string& device,
                                       bool lazily);
    // The fanotify group: the guard's own, open as long as it lives. Not owned by the caller.
    [[nodiscard]] Result<int> group();
    struct Device {
        int fd = -1;           // the guard's own, open as long as it lives; not the caller's
        bool standing = false; // it was bound before, for a client that has died
    };
    // The cachefiles device, bound to the first folder in on-demand mode. limits: as the guard's
    // Cachefiles::bind() takes them.
    [[nodiscard]] Result<Device> bind_cachefiles(const std::string& tag, const std::string& limits);
    // file: of this path, opened before any mark on it.
    [[nodiscard]] Result<void> mark(const std::string& path, int file);
    // The descriptor that the dead client had of a marked file.
    [[nodiscard]] Result<Fd> object(const std::string& path);
    // Of what was marked and is of no use any more.
    void end_mark(const std::string& path) {
        std::erase_if(marks_, [&](const Mark& mark) { return mark.path == path; });
        unmark(path);
    }
    // file is marked already, by the dead client: a guard that restart() starts is told.
    void marked(const std::string& path, int file) { marks_.push_back({path, file}); }
    // Asks what a thread waits for, without waiting for the answer. A newer question takes the
    // place of one that is not answered yet.
    void ask_who(pid_t thread);
    // The answer, as waiting_thread() tells it, once it has come.
    [[nodiscard]] std::optional<Result<std::string>> told_who();
    // Where threads wait is asked and told there, as in lookout.h, without waiting; not through the
    // guard itself, so that it works on when that is gone. EPERM for a user that is not trusted.
    [[nodiscard]] Result<Fd> lookout();
    // A tracepoint on one processor, and its format file: see guard::open_trace().
    struct Trace {
        Fd event;
        std::string format;
    };
    [[nodiscard]] Result<Trace> trace(std::string_view name, std::uint32_t processor);
    // list: a sealed memfd with an observed list. The pipe from which what is seen comes, see
    // observing.h. One at a time: a new one ends the one before. EPERM where the guard has not
    // root's rights. end: when no answer is waited for any more, if that is sooner.
    [[nodiscard]] Result<Fd> observe(int list, Nanoseconds end);
    // target: as for Folders, or a folder that this process has made. source: a path that is
    // shown. note: for whoever takes over.
    [[nodiscard]] Result<void> mount_fuse(const std::string& target, const std::string& source,
                                          const std::string& note);
    // What mount_fuse() made, or after take_over() the dead client's. Unless the grace is 0 the
    // guard keeps a duplicate; so does another one that restart() starts, until end_connection().
    [[nodiscard]] Result<FuseConnection> connection();
    void end_connection() { connection_ = -1; } // before its descriptor is closed

    // device: as in the protocol; said again once it is known.
    void keep(const std::string& path, const std::string& device, Kind kind);
    void forget(const std::string& path);

    // Any thread. False when the guard is gone, from then on until restart().
    bool beat();
    // Any thread: all of a marked file is local.
    void unmark(const std::string& path);
    [[nodiscard]] bool gone() const { return gone_.load(std::memory_order_relaxed); }
    // Starts another guard, with this process's own rights, and hands it what is kept. Without
    // root's it can't unmount, but gives errors where there would be zeros. The owner's thread.
    [[nodiscard]] Result<void> restart();

private:
    static constexpr Nanoseconds answer_timeout = 5 * second;

    [[nodiscard]] Result<void> restart_and_hand_over();
    struct Mark {
        std::string path;
        int file;
    };
    Client(Process process, const ClientOptions& options)
        : options_(options), process_(std::move(process)) {}
    [[nodiscard]] static Result<std::unique_ptr<Client>>
    start_by_hand(const ClientOptions& options);
    [[nodiscard]] static Result<std::unique_ptr<Client>>
    greet(Process process, const ClientOptions& options, Nanoseconds timeout);
    [[nodiscard]] Result<Received> ask(Message message, const std::string& what,
                                       Nanoseconds timeout, int fd = -1);
    [[nodiscard]] Result<Received> ask_once(Message& message, const std::string& what,
                                            Nanoseconds timeout, int fd = -1);
    [[nodiscard]] Result<Received> answer_to(std::uint32_t question, const std::string& what,
                                             Nanoseconds timeout);

    ClientOptions options_;
    Process process_;            // the socket's number never changes, whichever guard is behind it
    std::uint32_t sequence_ = 0; // of the last question
    std::uint32_t who_ = 0;      // of the last of ask_who() without an answer yet; 0: none
    std::atomic<bool> gone_{false};
    std::atomic<bool> handing_over_{false}; // to a guard that was restarted
    std::string taken_mount_;
    std::string superblocks_; // the kernel's names for what was mounted
    Fd group_;
    int connection_ = -1;       // FUSE's descriptor, the caller's
    std::string told_;          // with which the guard gave it
    Fd device_;                 // of cachefiles
    std::vector<Message> kept_; // of type keep
    std::vector<Mark> marks_;   // files are the caller's
};

} // namespace coldscope::guard
