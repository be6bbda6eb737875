#include "daemon/cli/ask_by_hand.h"

#include "daemon/guard/client.h"

#include <array>
#include <cstdio>

#include <unistd.h>

namespace coldscope::cli {

namespace {

constexpr useconds_t signal_turn_us = 50'000;
constexpr std::array giving_up{SIGINT, SIGTERM, SIGHUP};

void show_command(const std::string& command, guard::Rights rights) {
    const bool trusted = rights == guard::Rights::root_trusted;
    std::fprintf(stderr,
                 "Neither pkexec nor sudo starts Coldscope's guard as root here. It is waited for: "
                 "run this\nin another terminal, or press Ctrl+C.%s\n\n    %s\n\n",
                 trusted ? " It trusts you as root, as fanotify needs." : "", command.c_str());
}

} // namespace

AskByHand::AskByHand(bool privileged) {
    if (!privileged || isatty(STDERR_FILENO) == 0)
        return;
    by_hand_ = std::make_shared<guard::ByHand>();
    by_hand_->show = show_command;
    sigset_t set;
    sigemptyset(&set);
    for (const int number : giving_up)
        sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    watch_ = std::jthread([by_hand = by_hand_](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            sigset_t pending;
            sigpending(&pending);
            for (const int number : giving_up)
                if (sigismember(&pending, number) == 1)
                    by_hand->given_up = true;
            usleep(signal_turn_us);
        }
    });
}

AskByHand::~AskByHand() {
    if (!by_hand_)
        return;
    watch_.request_stop();
    watch_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace coldscope::cli
