#include "daemon/ring/handover.h"

#include <chrono>

namespace coldscope {

namespace {

// A disk that stalls is noticed after one to two of these.
constexpr std::chrono::milliseconds patience{10};
// Without an absence in so many looks the other sleeps until there is one.
constexpr int quiet_looks = 20;

} // namespace

Handover::Absence Handover::leave() {
    const Absence absence = newest_.load(std::memory_order_relaxed) + 1;
    newest_.store(absence, std::memory_order_relaxed);
    // Sequentially consistent, as where the other ends its watch: one of both sees what the other
    // has stored.
    away_.store(absence);
    if (!watched_.load()) {
        const std::lock_guard lock(mutex_);
        watched_ = true;
        changed_.notify_one();
    }
    return absence;
}

bool Handover::back(Absence absence) {
    return away_.compare_exchange_strong(absence, 0);
}

bool Handover::stand_by() {
    std::unique_lock lock(mutex_);
    relief_ = true;
    Absence seen = 0;
    Absence newest = 0;
    int quiet = 0;
    while (!ended_) {
        if (!watched_) {
            changed_.wait(lock, [this] { return ended_ || watched_; });
            quiet = 0;
        }
        changed_.wait_for(lock, patience, [this] { return ended_; });
        Absence now = away_.load();
        if (!ended_ && now != 0 && now == seen && away_.compare_exchange_strong(now, 0)) {
            relief_ = false;
            return true;
        }
        seen = now;
        quiet = newest_.load(std::memory_order_relaxed) == newest ? quiet + 1 : 0;
        newest = newest_.load(std::memory_order_relaxed);
        if (now == 0 && quiet >= quiet_looks) {
            watched_.store(false);
            if (away_.load() != 0)
                watched_ = true;
        }
    }
    relief_ = false;
    return false;
}

void Handover::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void Handover::begin_again() {
    const std::lock_guard lock(mutex_);
    ended_ = false;
}

} // namespace coldscope
