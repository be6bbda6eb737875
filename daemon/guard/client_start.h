// How a client comes to a guard: coldscope-guard as a child with a socket as its standard input, or
// started by hand, which then connects. Client::start() and what it takes are in client_start.cpp,
// too.
#pragma once

#include "core/base/clock.h"
#include "core/base/fd.h"
#include "daemon/guard/client_program.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coldscope::guard {

enum class Rights : unsigned char;
struct ClientOptions;

struct Process {
    int socket = -1;                          // owned
    pid_t pid = 0;                            // 0: somebody else's child
    std::shared_ptr<const Program> program{}; // of which it is; null: unknown
};

// How somebody starts it as root by hand, where no program asks for root's rights.
struct ByHand {
    // The command that root must run, and the rights that it gives: the guard then connects by
    // itself, and is waited for. Called in the thread that starts it, at most once.
    std::function<void(const std::string& command, Rights rights)> show;
    // In that thread: it is there, as root, and nobody is asked any more.
    std::function<void()> connected;
    // Any thread: nobody will. The start fails with Code::cancelled, whoever was being asked.
    std::atomic<bool> given_up{false};
};

// What starts it.
enum class Way : unsigned char {
    directly, // with this process's own rights
    pkexec,   // as root, once polkit has asked for an administrator's password
    sudo,     // as root, where sudo asks for none
};

[[nodiscard]] std::string_view name(Way way);
// The ways for these options, the best first: directly where no more rights are wanted or needed.
[[nodiscard]] std::vector<Way> ways(const ClientOptions& options);
// errno ENOENT where that program is not there. Whether it may start the guard shows only when
// that answers.
[[nodiscard]] Result<Process> launch(const ClientOptions& options, Way way);
// What root would have to start, as a shell reads it. more: arguments behind the user's.
[[nodiscard]] std::string guard_command(const ClientOptions& options, const std::string& program,
                                        const std::vector<std::string>& more = {});

// Of a child that has ended, or ends soon: waits a moment, and reaps it. -1 without one.
[[nodiscard]] int exit_code(pid_t child);
// Until the socket can be read, or has ended. ETIMEDOUT, or Code::cancelled once it is given up.
[[nodiscard]] Result<void> await(int socket, Nanoseconds timeout, const ByHand* by_hand);

// A guard that somebody starts by hand is waited for at a socket in a private folder.
class Invitation {
public:
    [[nodiscard]] static Result<Invitation> make(const ClientOptions& options);
    // For a shell.
    [[nodiscard]] const std::string& command() const { return command_; }
    // The next guard that comes: root's, as the kernel says; others are turned away. Waits until it
    // is given up.
    [[nodiscard]] Result<Process> next() const;

private:
    Invitation(PrivateFolder folder, std::shared_ptr<const Program> program, Fd listening)
        : folder_(std::move(folder)), program_(std::move(program)),
          listening_(std::move(listening)) {}

    PrivateFolder folder_;
    std::shared_ptr<const Program> program_;
    Fd listening_;
    std::shared_ptr<ByHand> by_hand_;
    std::string command_;
};

} // namespace coldscope::guard
