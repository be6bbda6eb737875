#include "app/run/root_asker.h"

#include "daemon/transport/offer.h"

#include <cerrno>
#include <mutex>
#include <utility>

namespace coldscope::app {

QString guard_will(RootFor purpose) {
    return purpose == RootFor::run
               ? RootAsker::tr("The program coldscope-guard will run as root until the run has "
                               "ended: it mounts FUSE and EROFS in the run's own folders, takes "
                               "these mounts away, and can tell which parts of files there are in "
                               "memory. It does nothing else.")
               : RootAsker::tr("The program coldscope-guard will run as root: it tells which parts "
                               "of the images' files are in memory, of those that you may read. "
                               "It does nothing else.");
}

QString trust_sentence() {
    return RootAsker::tr("Whoever allows this trusts you as root: through what the guard hands to "
                         "this program, any file can be read and written.");
}

bool nobody_allowed(const Error& error) {
    return error.code == Code::cancelled || error.sys_errno == EPERM;
}

QString nobody_text() {
    return RootAsker::tr("Nobody gave coldscope-guard root's rights.");
}

QString refused_text() {
    const std::vector<Offer> here = offers();
    const Offer* other = best_alone(here);
    const QString text = nobody_text();
    if (other == nullptr)
        return text + u' ' + RootAsker::tr("No other transport works here.");
    const std::string_view transport = name(other->kind);
    return text + u' ' +
           RootAsker::tr("%1 works without them: choose it under Run, Start….")
               .arg(QLatin1String(transport.data(), static_cast<qsizetype>(transport.size())));
}

// Outlives the asker in threads that may still show something.
struct RootAsker::Post {
    std::mutex mutex;
    RootAsker* to = nullptr; // null: it is no more

    template <typename Act>
    void send(Act act) {
        const std::lock_guard lock(mutex);
        if (to != nullptr)
            QMetaObject::invokeMethod(
                to, [to = to, act] { act(*to); }, Qt::QueuedConnection);
    }
};

RootAsker::RootAsker(QObject* parent) : QObject(parent), post_(std::make_shared<Post>()) {
    post_->to = this;
}

RootAsker::~RootAsker() {
    {
        const std::lock_guard lock(post_->mutex);
        post_->to = nullptr;
    }
    if (asked_)
        asked_->given_up.store(true);
}

std::shared_ptr<guard::ByHand> RootAsker::begin(RootFor purpose, guard::Rights rights) {
    asked_ = std::make_shared<guard::ByHand>();
    const std::uint64_t which = ++number_;
    asked_->show = [post = post_, which](const std::string& command, guard::Rights) {
        post->send([which, text = QString::fromStdString(command)](RootAsker& to) {
            to.take_command(which, text);
        });
    };
    asked_->connected = [post = post_, which] {
        post->send([which](RootAsker& to) { to.close(which); });
    };
    state_ = State::password;
    purpose_ = purpose;
    rights_ = rights;
    command_.clear();
    Q_EMIT changed();
    return asked_;
}

// Of one that has ended, or is to end, nothing is shown.
void RootAsker::take_command(std::uint64_t of, const QString& command) {
    if (of != number_ || state_ != State::password)
        return;
    state_ = State::by_hand;
    command_ = command;
    Q_EMIT changed();
}

void RootAsker::close(std::uint64_t of) {
    if (of == number_)
        end();
}

void RootAsker::end() {
    asked_.reset();
    if (!open())
        return;
    state_ = State::idle;
    Q_EMIT changed();
}

void RootAsker::give_up() {
    if (!open() || state_ == State::giving_up)
        return;
    asked_->given_up.store(true);
    state_ = State::giving_up;
    Q_EMIT changed();
}

} // namespace coldscope::app
