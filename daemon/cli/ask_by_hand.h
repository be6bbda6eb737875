// What --privileged does in a terminal where neither pkexec nor sudo starts the guard: it shows the
// command, and waits until somebody has run it elsewhere or a signal ends that.
#pragma once

#include "daemon/guard/client_start.h"

#include <csignal>
#include <memory>
#include <stop_token>
#include <thread>

namespace coldscope::cli {

// Keeps SIGINT, SIGTERM and SIGHUP blocked while it lives; one that comes stays pending, for whom
// it is meant.
class AskByHand {
public:
    // privileged: as the option says. Nobody is asked where standard error is no terminal.
    explicit AskByHand(bool privileged);
    AskByHand(const AskByHand&) = delete;
    AskByHand& operator=(const AskByHand&) = delete;
    ~AskByHand();

    [[nodiscard]] const std::shared_ptr<guard::ByHand>& by_hand() const { return by_hand_; }

private:
    std::shared_ptr<guard::ByHand> by_hand_; // null: nobody is asked
    sigset_t before_{};
    std::jthread watch_;
};

} // namespace coldscope::cli
