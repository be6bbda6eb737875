#include "daemon/engine/event_queue.h"

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
    if (asleep_.exchange(false, std::memory_order_seq_cst)) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
    }
}

void EventQueue::arm() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
    // Not a plain store: of two exchanges one sees the other, so either flush() wakes, or what it
    // told of is there to be drained.
    asleep_.exchange(true, std::memory_order_seq_cst);
}

} // namespace coldscope
