// The event loop on io_uring. Everything but wake() and post() belongs to the thread that runs it:
// the one that called run(), or, while that one is held up in a write, another that has taken its
// place.
#pragma once

#include "core/base/clock.h"
#include "core/base/error.h"
#include "daemon/ring/handover.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include <liburing.h>

namespace coldscope {

class Ring {
public:
    using Done = std::move_only_function<void(int result)>; // as in cqe->res: count or -errno
    using Action = std::move_only_function<void()>;
    struct TimerId {
        Nanoseconds when = 0;
        std::uint64_t number = 0;
        auto operator<=>(const TimerId&) const = default;
    };

    // Code::io with the errno where io_uring is missing or not allowed.
    [[nodiscard]] static Result<std::unique_ptr<Ring>> create(unsigned entries = 512);
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    // Waits for reads and writes that the kernel still works on: it owns their buffers till then.
    // Their callbacks run; those of watches, timers and wake-ups don't any more.
    ~Ring();

    void read(int fd, std::span<std::byte> into, std::uint64_t offset, Done done);
    void write(int fd, std::span<const std::byte> from, std::uint64_t offset, Done done);
    // The same for what is small and has to wait for a disk, where io_uring goes by way of other
    // threads or wakes this one a second time: while nothing else is under way, it is done at the
    // end of the turn by the thread that runs the ring. Should it take longer than some 10 ms,
    // another thread runs the ring.
    void read_at_once(int fd, std::span<std::byte> into, std::uint64_t offset, Done done);
    void write_at_once(int fd, std::span<const std::byte> from, std::uint64_t offset, Done done);

    // Calls on_ready each time fd becomes ready for `events` (poll bits); edge-triggered, so it
    // must take all there is. Ends with unwatch, or after a call with a negative result.
    using WatchId = std::uint32_t;
    WatchId watch(int fd, unsigned events, Done on_ready);
    void unwatch(WatchId id);

    TimerId at(Nanoseconds when, Action action); // CLOCK_MONOTONIC
    TimerId after(Nanoseconds delay, Action action) {
        return at(monotonic_now() + delay, std::move(action));
    }
    bool cancel(TimerId id);

    // After every batch of completions and timers.
    void on_turn(Action action) { on_turn_ = std::move(action); }
    // On the ring thread, soon after a wake(); several wakes may become one call.
    void on_wake(Action action) { on_wake_ = std::move(action); }
    void wake();              // any thread; async-signal-safe
    void post(Action action); // any thread: it runs on the ring thread, or in ~Ring

    void run(); // until stop()
    void stop() { stopping_ = true; }

private:
    struct Operation {
        Done done;
        int fd = -1;
        unsigned events = 0; // of a watch
        bool watch = false;
        bool ended = false;           // the watch was taken back; its last completion frees it
        std::uint32_t generation = 0; // of a slot: what completes for an earlier one is nobody's
    };
    // A transfer that the thread which runs the ring makes itself; one of the spans is empty.
    struct Own {
        int fd = -1;
        std::span<std::byte> into;
        std::span<const std::byte> from;
        std::uint64_t offset = 0;
        Done done;
        int result = 0;
    };

    explicit Ring(int wake_fd) : wake_fd_(wake_fd) {}
    std::uint32_t take_slot(Operation operation);
    std::uint64_t name_of(std::uint32_t slot) const; // user_data
    io_uring_sqe* sqe();
    void arm(std::uint32_t slot);
    void complete(const io_uring_cqe& cqe);
    void run_timers();
    void wait();
    void take_turns(bool leads);
    void lead();
    void arm_again();
    void cancel_poll(std::uint32_t slot);
    void start_other();
    [[nodiscard]] bool make_own();
    void start_own();
    void take_posted();

    io_uring ring_{};
    int wake_fd_; // owned
    bool stopping_ = false;
    std::size_t transfers_ = 0; // reads and writes in the kernel
    std::vector<Operation> operations_;
    std::vector<std::uint32_t> free_;
    std::map<TimerId, Action> timers_;
    std::uint64_t next_timer_ = 1;
    Action on_turn_;
    Action on_wake_;
    std::vector<Own> own_; // to be made at the end of the turn

    Handover handover_;
    std::thread other_; // from the first own transfer on, until run() ends
    std::mutex posted_mutex_;
    std::vector<Action> posted_;
};

} // namespace coldscope
