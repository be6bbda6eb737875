// Step records from the ring thread to one listener, and beside them facts of readers and requests.
// The ring thread never waits: a record that finds no room is counted, and the listener shows "lost
// n events"; a fact that finds none stays unknown.
#pragma once

#include "core/base/error.h"
#include "core/base/spsc.h"
#include "core/request/facts.h"
#include "core/request/step.h"

#include <atomic>
#include <cstdint>
#include <utility>

namespace coldscope {

class EventQueue {
public:
    // capacity: records of 64 bytes.
    explicit EventQueue(std::size_t capacity = 1u << 18);
    ~EventQueue();

    // Ring thread.
    void push(const StepRecord& record) {
        if (!records_.push(record)) {
            lost_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        pushed_ = true;
        urgent_ = urgent_ || is_urgent(record);
    }
    // Ring thread, before the first record that it belongs to; what comes after the answer, at any
    // time.
    void tell(Fact fact) {
        if (facts_.push(std::move(fact)))
            pushed_ = true;
    }
    // Ring thread, once a turn: wakes the listener if it sleeps and there is something new.
    void flush();

    // Listener.
    template <typename Take>
    std::size_t drain(Take&& take, std::size_t most = ~std::size_t{0}) {
        return records_.drain(take, most);
    }
    // Facts of the records that were drained have come by then, and perhaps of later ones.
    template <typename Take>
    void drain_facts(Take&& take) {
        facts_.drain(take);
    }
    [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
    // Readable when there may be something new; arm() before sleeping on it, then drain.
    [[nodiscard]] int fd() const { return fd_; }
    enum class Wake : std::uint8_t {
        never,
        urgent, // for what somebody may act on, or has acted on: held, by hand, notices
        any,
    };
    // urgent is for a listener that looks again soon by itself: being woken for each request would
    // cost the ring thread its time.
    void arm(Wake why = Wake::any);

private:
    static bool is_urgent(const StepRecord& record) {
        return record.step == Step::held || record.step == Step::notice ||
               (record.flags & flag::by_hand) != 0;
    }

    SpscRing<StepRecord> records_;
    SpscRing<Fact> facts_;
    std::atomic<std::uint64_t> lost_{0};
    std::atomic<Wake> wake_{Wake::never};
    bool pushed_ = false;
    bool urgent_ = false; // of what was pushed
    int fd_; // eventfd, owned; -1 where none could be had: the listener then has to poll
};

} // namespace coldscope
