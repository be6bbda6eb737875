#include "daemon/transport/fanotify.h"

#include "daemon/guard/fanotify.h"

#include <algorithm>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope {

namespace {

constexpr std::size_t buffer_size = 16384; // bytes: some 340 events
constexpr int reads_a_turn = 4;
constexpr Nanoseconds retry_window = 50 * millisecond;
// A read is denied once more for the page itself; a fault in a mapping tries all that twice.
constexpr int most_again = 3;
constexpr std::size_t most_denied = 4096; // threads remembered

// The response, and the end of the event's descriptor.
void respond(int group, int fd, std::uint32_t response) {
    const fanotify_response reply{fd, response};
    if (::write(group, &reply, sizeof reply) < 0 && errno == EINVAL && response != FAN_ALLOW) {
        const fanotify_response plain{fd, FAN_DENY};
        [[maybe_unused]] const ssize_t written = ::write(group, &plain, sizeof plain);
    }
    ::close(fd);
}

} // namespace

bool deny_waiting(int group, int timeout_ms) {
    pollfd entry{group, POLLIN, 0};
    if (poll(&entry, 1, timeout_ms) <= 0)
        return false;
    std::vector<std::byte> bytes(buffer_size);
    const ssize_t got = ::read(group, bytes.data(), bytes.size());
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    std::vector<FanotifyEvent> events;
    (void)decode_events(bytes, events);
    for (const FanotifyEvent& event : events)
        respond(group, event.fd, fanotify::deny(EIO));
    return !events.empty();
}

FanotifyTransport::FanotifyTransport(Ring& ring, Engine& engine, int group,
                                     std::function<void(StoreId)> on_whole)
    : ring_(ring), engine_(engine), group_(group), on_whole_(std::move(on_whole)),
      whole_(engine.store_count()), ours_(engine.store_count()), buffer_(buffer_size) {
    for (StoreId id = 0; id < engine.store_count(); ++id) {
        struct stat status {};
        if (fstat(engine.store(id).cache().fd(), &status) == 0)
            stores_[{status.st_dev, status.st_ino}] = id;
    }
}

void FanotifyTransport::start() {
    listening_ = true;
    engine_.on_fetched([this](StoreId store) { look_if_whole(store); });
    watch_ = ring_.watch(group_, POLLIN, [this](int) { receive(); });
}

void FanotifyTransport::stop() {
    if (listening_)
        ring_.unwatch(watch_);
    listening_ = false;
    engine_.on_fetched({});
}

void FanotifyTransport::receive() {
    for (int i = 0; i < reads_a_turn && listening_; ++i) {
        const ssize_t got = ::read(group_, buffer_.data(), buffer_.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 && (got == 0 || errno == EAGAIN))
            return;
        if (got < 0) {
            // An event whose file could not be opened here: the kernel has denied it.
            engine_.notice(Notice::not_asked);
            continue;
        }
        events_.clear();
        const auto decoded = decode_events(
            std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(got)), events_);
        for (const FanotifyEvent& event : events_)
            take(event);
        if (!decoded)
            engine_.notice(Notice::not_asked);
    }
    // The watch is edge-triggered: what is left would go unseen. Timers and others come first.
    if (listening_)
        ring_.after(0, [this] { receive(); });
}

void FanotifyTransport::take(const FanotifyEvent& event) {
    if (event.fd < 0)
        return;
    struct stat status {};
    const auto known = fstat(event.fd, &status) == 0 ? stores_.find({status.st_dev, status.st_ino})
                                                     : stores_.end();
    if (known == stores_.end() || (event.mask & fanotify::pre_access) == 0 || !event.has_range) {
        respond(group_, event.fd, fanotify::deny(EIO)); // not of this run
        return;
    }
    const std::uint64_t size = engine_.store(known->second).size();
    Pending pending{event.fd,
                    event.thread,
                    known->second,
                    {std::min(event.offset, size), event.count > size - std::min(event.offset, size)
                                                       ? size
                                                       : event.offset + event.count}};
    if (pending.range.begin >= pending.range.end) {
        respond(group_, event.fd, FAN_ALLOW); // at or past the end: there is nothing to read
        return;
    }
    if (deny_again(pending))
        return;
    // What this thread writes through any other descriptor might be asked of itself.
    if (!ours_[pending.store]) {
        engine_.access_by(pending.store, Fd(fcntl(event.fd, F_DUPFD_CLOEXEC, 0)));
        ours_[pending.store] = true;
    }
    std::size_t slot = pending_.size();
    if (free_.empty()) {
        pending_.push_back(pending);
    } else {
        slot = free_.back();
        free_.pop_back();
        pending_[slot] = pending;
    }
    Ask question;
    question.object = pending.store;
    question.offset = event.offset;
    question.length = event.count;
    question.pid = event.thread;
    question.fill_only = true;
    question.pieces.push_back(
        {Piece::From::store, pending.store, pending.range.begin, pending.range.length(), {}});
    engine_.ask(std::move(question), *this, slot);
}

// A readahead over several chunks comes as several events, so that others may lie in between.
bool FanotifyTransport::deny_again(const Pending& pending) {
    const auto known = denied_.find(pending.thread);
    if (known == denied_.end())
        return false;
    const Nanoseconds now = monotonic_now();
    std::erase_if(known->second, [&](const Denied& before) {
        return before.again == most_again || now - before.time >= retry_window;
    });
    const auto before = std::ranges::find_if(known->second, [&](const Denied& one) {
        return one.store == pending.store && pending.range.begin >= one.range.begin &&
               pending.range.end <= one.range.end;
    });
    if (before == known->second.end()) {
        if (known->second.empty())
            denied_.erase(known);
        return false;
    }
    ++before->again;
    before->time = now;
    respond(group_, pending.fd, fanotify::deny(before->error));
    return true;
}

FanotifyTransport::Pending FanotifyTransport::take_pending(std::uint64_t token) {
    free_.push_back(token);
    return pending_[token];
}

bool FanotifyTransport::answer(std::uint64_t token, std::span<const std::byte>) {
    const Pending pending = take_pending(token);
    // Never a hole: whatever was answered, only what the file has may be read.
    const bool local = engine_.store(pending.store).cache().local().contains(pending.range);
    respond(group_, pending.fd, local ? FAN_ALLOW : fanotify::deny(EIO));
    look_if_whole(pending.store);
    return true;
}

bool FanotifyTransport::fail(std::uint64_t token, int error) {
    const Pending pending = take_pending(token);
    const int taken =
        std::ranges::find(fanotify_errors, error) != fanotify_errors.end() ? error : EIO;
    if (denied_.size() >= most_denied)
        denied_.clear();
    denied_[pending.thread].push_back({pending.store, pending.range, taken, monotonic_now(), 0});
    respond(group_, pending.fd, fanotify::deny(taken));
    return true;
}

void FanotifyTransport::look_if_whole(StoreId store) {
    const Store& looked_at = engine_.store(store);
    if (whole_[store] || looked_at.cache().local().total() < looked_at.size())
        return;
    whole_[store] = true;
    on_whole_(store);
}

} // namespace coldscope
