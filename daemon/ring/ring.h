// The event loop on io_uring. Everything but wake() belongs to the thread that runs it.
#pragma once

#include "core/base/clock.h"
#include "core/base/error.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
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
    void wake(); // any thread; async-signal-safe

    void run(); // until stop()
    void stop() { stopping_ = true; }

private:
    struct Operation {
        Done done;
        int fd = -1;
        unsigned events = 0; // of a watch
        bool watch = false;
        bool ended = false; // the watch was taken back; its last completion frees it
    };

    explicit Ring(int wake_fd) : wake_fd_(wake_fd) {}
    std::uint32_t take_slot(Operation operation);
    io_uring_sqe* sqe();
    void arm(std::uint32_t slot);
    void complete(const io_uring_cqe& cqe);
    void run_timers();
    void wait();

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
};

} // namespace coldscope
