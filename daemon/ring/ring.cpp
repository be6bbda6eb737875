#include "daemon/ring/ring.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace coldscope {

namespace {
constexpr std::uint64_t ignored = ~std::uint64_t{0}; // user_data of operations nobody waits for
constexpr int own_a_turn = 2; // what is read, then written; all else has to have its turn
constexpr int slot_bits = 32; // of user_data; above them the generation
} // namespace

Result<std::unique_ptr<Ring>> Ring::create(unsigned entries) {
    const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return system_error("cannot make an eventfd");
    std::unique_ptr<Ring> ring(new Ring(wake_fd));
    io_uring_params params{};
    params.flags = IORING_SETUP_COOP_TASKRUN; // Linux 5.19
    int status = io_uring_queue_init_params(entries, &ring->ring_, &params);
    if (status == -EINVAL) {
        params = {};
        status = io_uring_queue_init_params(entries, &ring->ring_, &params);
    }
    if (status < 0) {
        ring->ring_.ring_fd = -1;
        return system_error(-status, "io_uring is not available (is io_uring_disabled set?)");
    }
    ring->watch(wake_fd, POLLIN, [self = ring.get()](int) {
        std::uint64_t count = 0;
        while (::read(self->wake_fd_, &count, sizeof count) > 0) {
        }
        self->take_posted();
        if (self->on_wake_)
            self->on_wake_();
    });
    return ring;
}

Ring::~Ring() {
    if (ring_.ring_fd >= 0) {
        timers_.clear();
        for (Operation& operation : operations_)
            operation.ended = operation.watch;
        take_posted();
        for (start_own(); transfers_ > 0; start_own())
            wait();
        io_uring_queue_exit(&ring_);
    }
    ::close(wake_fd_);
}

std::uint32_t Ring::take_slot(Operation operation) {
    if (free_.empty()) {
        operations_.push_back(std::move(operation));
        return static_cast<std::uint32_t>(operations_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    operation.generation = operations_[slot].generation;
    operations_[slot] = std::move(operation);
    return slot;
}

std::uint64_t Ring::name_of(std::uint32_t slot) const {
    return std::uint64_t{operations_[slot].generation} << slot_bits | slot;
}

io_uring_sqe* Ring::sqe() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    while (entry == nullptr) {
        io_uring_submit(&ring_);
        entry = io_uring_get_sqe(&ring_);
    }
    return entry;
}

void Ring::read(int fd, std::span<std::byte> into, std::uint64_t offset, Done done) {
    const std::uint32_t slot = take_slot({.done = std::move(done), .fd = fd});
    io_uring_sqe* entry = sqe();
    io_uring_prep_read(entry, fd, into.data(), static_cast<unsigned>(into.size()), offset);
    io_uring_sqe_set_data64(entry, name_of(slot));
    ++transfers_;
}

void Ring::write(int fd, std::span<const std::byte> from, std::uint64_t offset, Done done) {
    const std::uint32_t slot = take_slot({.done = std::move(done), .fd = fd});
    io_uring_sqe* entry = sqe();
    io_uring_prep_write(entry, fd, from.data(), static_cast<unsigned>(from.size()), offset);
    io_uring_sqe_set_data64(entry, name_of(slot));
    ++transfers_;
}

void Ring::read_at_once(int fd, std::span<std::byte> into, std::uint64_t offset, Done done) {
    own_.push_back({fd, into, {}, offset, std::move(done), 0});
}

void Ring::write_at_once(int fd, std::span<const std::byte> from, std::uint64_t offset, Done done) {
    own_.push_back({fd, {}, from, offset, std::move(done), 0});
}

Ring::WatchId Ring::watch(int fd, unsigned events, Done on_ready) {
    const std::uint32_t slot =
        take_slot({.done = std::move(on_ready), .fd = fd, .events = events, .watch = true});
    arm(slot);
    return slot;
}

void Ring::arm(std::uint32_t slot) {
    io_uring_sqe* entry = sqe();
    io_uring_prep_poll_multishot(entry, operations_[slot].fd, operations_[slot].events);
    io_uring_sqe_set_data64(entry, name_of(slot));
}

void Ring::unwatch(WatchId id) {
    operations_[id].ended = true;
    cancel_poll(id);
}

// Not poll_remove, which leaves a poll alone that is just about to complete.
void Ring::cancel_poll(std::uint32_t slot) {
    io_uring_sqe* entry = sqe();
    io_uring_prep_cancel64(entry, name_of(slot), 0);
    io_uring_sqe_set_data64(entry, ignored);
}

Ring::TimerId Ring::at(Nanoseconds when, Action action) {
    const TimerId id{when, next_timer_++};
    timers_.emplace(id, std::move(action));
    return id;
}

bool Ring::cancel(TimerId id) {
    return timers_.erase(id) != 0;
}

void Ring::wake() {
    const int before = errno; // a signal handler's caller may be about to look at it
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
    errno = before;
}

void Ring::complete(const io_uring_cqe& cqe) {
    if (cqe.user_data == ignored)
        return;
    const auto slot = static_cast<std::uint32_t>(cqe.user_data);
    if (cqe.user_data != name_of(slot))
        return;
    Operation& operation = operations_[slot];
    const bool more = (cqe.flags & IORING_CQE_F_MORE) != 0;
    // Taken out while it runs: the callback may add operations and move the vector.
    Done done = std::move(operation.done);
    if (!operation.watch) {
        --transfers_;
        free_.push_back(slot);
        done(cqe.res);
        return;
    }
    if (!operation.ended)
        done(cqe.res);
    Operation& after = operations_[slot];
    if (more) {
        after.done = std::move(done);
    } else if (after.ended || cqe.res < 0) {
        after.done = {};
        after.watch = false;
        free_.push_back(slot);
    } else {
        after.done = std::move(done);
        arm(slot);
    }
}

// Only timers that were due and there when it began: one that sets itself again at once must not
// keep completions and wake-ups from their turn.
void Ring::run_timers() {
    const Nanoseconds now = monotonic_now();
    const std::uint64_t next = next_timer_;
    while (!timers_.empty()) {
        const auto first = timers_.begin();
        if (first->first.when > now || first->first.number >= next)
            return;
        Action action = std::move(first->second);
        timers_.erase(first);
        action();
    }
}

void Ring::wait() {
    io_uring_cqe* cqe = nullptr;
    if (timers_.empty()) {
        io_uring_submit_and_wait(&ring_, 1);
    } else {
        const Nanoseconds now = monotonic_now();
        const Nanoseconds due = timers_.begin()->first.when;
        const Nanoseconds left = due > now ? due - now : 0;
        __kernel_timespec timeout{static_cast<long long>(left / second),
                                  static_cast<long long>(left % second)};
        io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &timeout, nullptr);
    }
    // Each completion is taken off before its callback runs, since that may submit and wait.
    while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
        const io_uring_cqe copy = *cqe;
        io_uring_cqe_seen(&ring_, cqe);
        complete(copy);
    }
}

// A poll completes through the thread that armed it: one that is held up would keep what it watches
// from us.
void Ring::arm_again() {
    for (std::uint32_t slot = 0; slot < operations_.size(); ++slot) {
        Operation& operation = operations_[slot];
        if (!operation.watch || operation.ended)
            continue;
        cancel_poll(slot);
        ++operation.generation;
        arm(slot);
    }
}

void Ring::start_own() {
    for (Own& own : std::exchange(own_, {})) {
        if (own.from.empty())
            read(own.fd, own.into, own.offset, std::move(own.done));
        else
            write(own.fd, own.from, own.offset, std::move(own.done));
    }
}

// Where there can be no more threads, io_uring makes the transfers.
void Ring::start_other() {
    try {
        other_ = std::thread([this] { take_turns(false); });
    } catch (const std::system_error&) {
    }
}

// False: another thread leads.
bool Ring::make_own() {
    for (int i = 0; i < own_a_turn && own_.size() == 1 && transfers_ == 0 && !stopping_; ++i) {
        if (!other_.joinable())
            start_other();
        if (!handover_.has_relief())
            break;
        Own own = std::move(own_.front());
        own_.clear();
        const Handover::Absence absence = handover_.leave();
        const auto at = static_cast<off_t>(own.offset);
        const ssize_t moved = own.from.empty()
                                  ? pread(own.fd, own.into.data(), own.into.size(), at)
                                  : pwrite(own.fd, own.from.data(), own.from.size(), at);
        own.result = moved < 0 ? -errno : static_cast<int>(moved);
        if (!handover_.back(absence)) {
            post([own = std::move(own)]() mutable { own.done(own.result); });
            return false;
        }
        own.done(own.result);
    }
    start_own();
    return true;
}

void Ring::post(Action action) {
    {
        const std::lock_guard lock(posted_mutex_);
        posted_.push_back(std::move(action));
    }
    wake();
}

void Ring::take_posted() {
    std::vector<Action> posted;
    {
        const std::lock_guard lock(posted_mutex_);
        posted.swap(posted_);
    }
    for (Action& action : posted)
        action();
}

// Until stop(), or until another thread leads: what its turn had left to do is done by that one.
void Ring::lead() {
    for (;;) {
        if (!make_own())
            return;
        if (on_turn_)
            on_turn_();
        if (stopping_)
            break;
        start_own();
        wait();
        run_timers();
    }
    handover_.end();
}

void Ring::take_turns(bool leads) {
    if (leads)
        lead();
    while (handover_.stand_by()) {
        arm_again();
        lead();
    }
}

void Ring::run() {
    stopping_ = false;
    handover_.begin_again();
    take_turns(true);
    if (!other_.joinable())
        return;
    other_.join();
    arm_again(); // what it has armed ends with it
}

} // namespace coldscope
