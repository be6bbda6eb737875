// Step records from the ring thread to one listener. The ring thread never waits: what finds no
// room is counted, and the listener shows "lost n events".
#pragma once

#include "core/base/error.h"
#include "core/base/spsc.h"
#include "core/request/step.h"

#include <atomic>
#include <cstdint>

namespace coldscope {

class EventQueue {
public:
    // capacity: records of 64 bytes.
    explicit EventQueue(std::size_t capacity = 1u << 18);
    ~EventQueue();

    // Ring thread.
    void push(const StepRecord& record) {
        if (records_.push(record))
            pushed_ = true;
        else
            lost_.fetch_add(1, std::memory_order_relaxed);
    }
    // Ring thread, once a turn: wakes the listener if it sleeps and there is something new.
    void flush();

    // Listener.
    template <typename Take>
    std::size_t drain(Take&& take, std::size_t most = ~std::size_t{0}) {
        return records_.drain(take, most);
    }
    [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
    // Readable when there may be something new; arm() before sleeping on it, then drain.
    [[nodiscard]] int fd() const { return fd_; }
    void arm();

private:
    SpscRing<StepRecord> records_;
    std::atomic<std::uint64_t> lost_{0};
    std::atomic<bool> asleep_{false};
    bool pushed_ = false;
    int fd_; // eventfd, owned; -1 where none could be had: the listener then has to poll
};

} // namespace coldscope
