// The guard, from its client's side.
#pragma once

#include "core/base/clock.h"
#include "daemon/guard/protocol.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace coldscope::guard {

class Client {
public:
    // Starts coldscope-guard, which stands beside this program's executable.
    [[nodiscard]] static Result<std::unique_ptr<Client>> start();
    // The guard takes away what is still kept, and ends.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // One thread at a time; each waits for the guard's answer: at most 30 s for a mount,
    // 5 s for an unmount.
    [[nodiscard]] Result<void> mount_erofs(const std::string& source, const std::string& target,
                                           const std::string& options);
    [[nodiscard]] Result<void> unmount(const std::string& target, const std::string& device,
                                       bool lazily);
    // device: as in the protocol; said again once it is known.
    void keep(const std::string& path, const std::string& device, Kind kind);
    void forget(const std::string& path);

    // Any thread. False when the guard is gone, from then on until restart().
    bool beat();
    [[nodiscard]] bool gone() const { return gone_.load(std::memory_order_relaxed); }
    // Starts another guard and hands it what is kept. The owner's thread.
    [[nodiscard]] Result<void> restart();

private:
    struct Process {
        int socket = -1; // owned
        pid_t pid = 0;
    };
    explicit Client(Process process) : process_(process) {}
    [[nodiscard]] static Result<Process> launch();
    [[nodiscard]] Result<void> ask(Message message, const std::string& what, Nanoseconds timeout);
    [[nodiscard]] Result<void> ask_once(Message& message, const std::string& what,
                                        Nanoseconds timeout);
    void reap() const; // waits a moment only: a stopped guard is left to itself

    Process process_;            // the socket's number never changes, whichever guard is behind it
    std::uint32_t sequence_ = 0; // of the last question
    std::atomic<bool> gone_{false};
    std::vector<Message> kept_; // of type keep
};

} // namespace coldscope::guard
