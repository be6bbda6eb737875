// The guard, from its client's side.
#pragma once

#include "daemon/guard/protocol.h"

#include <memory>
#include <string>

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

    // One thread at a time; each waits for the guard's answer, at most 30 s.
    [[nodiscard]] Result<void> mount_erofs(const std::string& source, const std::string& target,
                                           const std::string& options);
    [[nodiscard]] Result<void> unmount(const std::string& target, bool lazily);
    void keep(const std::string& path, Kind kind);
    void forget(const std::string& path);

    // Any thread; false when the guard is gone.
    bool beat();

private:
    Client(int socket, pid_t pid) : socket_(socket), pid_(pid) {}
    [[nodiscard]] Result<void> ask(const Message& message, const std::string& what);

    int socket_; // owned
    pid_t pid_;
};

} // namespace coldscope::guard
