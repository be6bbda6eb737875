// A bounded queue between exactly one producing and one consuming thread. Neither side waits:
// a push into a full ring fails, and the producer decides what that means.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace coldscope {

template <typename T>
class SpscRing {
public:
    // capacity: rounded up to a power of two.
    explicit SpscRing(std::size_t capacity)
        : slots_(std::bit_ceil(capacity)), mask_(slots_.size() - 1) {}

    // Producer only.
    [[nodiscard]] bool push(T value) {
        if (full())
            return false;
        const std::size_t head = head_.load(std::memory_order_relaxed);
        slots_[head & mask_] = std::move(value);
        head_.store(head + 1, std::memory_order_release);
        return true;
    }

    // Producer only: push() would fail.
    [[nodiscard]] bool full() {
        const std::size_t head = head_.load(std::memory_order_relaxed);
        if (head - tail_seen_ > mask_)
            tail_seen_ = tail_.load(std::memory_order_acquire);
        return head - tail_seen_ > mask_;
    }

    // Consumer only.
    [[nodiscard]] bool pop(T& value) {
        const std::size_t tail = tail_.load(std::memory_order_relaxed);
        if (tail == head_.load(std::memory_order_acquire))
            return false;
        value = std::move(slots_[tail & mask_]);
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    // Consumer only: hands over up to `most` entries; returns how many.
    template <typename Take>
    std::size_t drain(Take&& take, std::size_t most = ~std::size_t{0}) {
        const std::size_t tail = tail_.load(std::memory_order_relaxed);
        const std::size_t ready = head_.load(std::memory_order_acquire) - tail;
        const std::size_t count = ready < most ? ready : most;
        for (std::size_t i = 0; i < count; ++i)
            take(slots_[(tail + i) & mask_]);
        tail_.store(tail + count, std::memory_order_release);
        return count;
    }

private:
    std::vector<T> slots_;
    std::size_t mask_;
    alignas(64) std::atomic<std::size_t> head_{0}; // next to write
    alignas(64) std::atomic<std::size_t> tail_{0}; // next to read
    alignas(64) std::size_t tail_seen_ = 0;        // the producer's copy of tail_
};

} // namespace coldscope
