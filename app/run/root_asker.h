// A guard that is being started as root: what it will do, who is waited for, and the way out.
#pragma once

#include "daemon/guard/client.h"

#include <QObject>
#include <QString>
#include <cstdint>
#include <memory>

namespace coldscope::app {

// What a guard does as root, in two sentences at most; for a run, or to see what is in memory.
enum class RootFor : unsigned char { run, observing };
[[nodiscard]] QString guard_will(RootFor purpose);
// What somebody who allows guard::Rights::root_trusted must know besides.
[[nodiscard]] QString trust_sentence();
// A start failed as guard::Client::start() tells it when nobody allowed it.
[[nodiscard]] bool nobody_allowed(const Error& error);
[[nodiscard]] QString nobody_text();
// Why a run did not start then, and what works nevertheless.
[[nodiscard]] QString refused_text();

// Belongs to the main thread.
class RootAsker final : public QObject {
    Q_OBJECT

public:
    enum class State : unsigned char {
        idle,
        password,  // pkexec asks for one, or will at once
        by_hand,   // command() is to be run by somebody
        giving_up, // that has been said; the start ends soon
    };

    explicit RootAsker(QObject* parent = nullptr);
    ~RootAsker() override; // gives up

    // A guard is started with this now. rights: not own.
    [[nodiscard]] std::shared_ptr<guard::ByHand> begin(RootFor purpose, guard::Rights rights);
    // The start has ended. (What is open is closed by itself once a guard is there as root.)
    void end();
    void give_up();

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool open() const { return state_ != State::idle; }
    [[nodiscard]] RootFor purpose() const { return purpose_; }
    [[nodiscard]] bool trusted() const { return rights_ == guard::Rights::root_trusted; }
    [[nodiscard]] const QString& command() const { return command_; } // as a shell reads it

Q_SIGNALS:
    void changed();

private:
    struct Post;
    void take_command(std::uint64_t of, const QString& command);
    void close(std::uint64_t of);

    std::shared_ptr<Post> post_; // whom the threads that start guards reach this by
    std::shared_ptr<guard::ByHand> asked_;
    std::uint64_t number_ = 0; // of what was asked last
    State state_ = State::idle;
    RootFor purpose_ = RootFor::run;
    guard::Rights rights_ = guard::Rights::root;
    QString command_;
};

} // namespace coldscope::app
