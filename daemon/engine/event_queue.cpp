#include "daemon/engine/event_queue.h"

#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace coldscope {

namespace {
constexpr std::size_t most_facts = 1u << 14;
}

EventQueue::EventQueue(std::size_t capacity)
    : records_(capacity), facts_(most_facts), fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

EventQueue::~EventQueue() {
    ::close(fd_);
}

void EventQueue::flush() {
    if (!pushed_)
        return;
    pushed_ = false;
    const bool urgent = std::exchange(urgent_, false);
    Wake wake = wake_.exchange(Wake::never, std::memory_order_seq_cst);
    if (wake == Wake::urgent && !urgent) {
        wake = Wake::never;
        // Where it has armed meanwhile, that stays.
        wake_.compare_exchange_strong(wake, Wake::urgent, std::memory_order_seq_cst);
    } else if (wake != Wake::never) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
    }
}

void EventQueue::arm(Wake why) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
    // Not a plain store: of two exchanges one sees the other, so either flush() wakes, or what it
    // told of is there to be drained.
    wake_.exchange(why, std::memory_order_seq_cst);
}

} // namespace coldscope
