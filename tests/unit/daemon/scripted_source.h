// A source in memory whose fetches do what a test tells them, and the bytes that every test of the
// daemon agrees on.
#pragma once

#include "core/base/range_set.h"
#include "daemon/ring/ring.h"
#include "daemon/source/source.h"

#include <QtGlobal>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace coldscope::test {

using Bytes = std::vector<std::byte>;

// Differs at every offset up to 16 MiB or so, never a page of zeros, and differs by seed.
inline std::byte true_byte(std::uint64_t offset, unsigned seed = 0) {
    std::uint64_t mixed = (offset / 8 + seed * 0x9e37'79b9ULL + 1) * 0x9e37'79b9'7f4a'7c15ULL;
    mixed ^= mixed >> 29;
    return static_cast<std::byte>(mixed >> (offset % 8 * 8) | 1);
}

inline Bytes true_bytes(std::uint64_t offset, std::uint64_t length, unsigned seed = 0) {
    Bytes bytes(length);
    for (std::uint64_t i = 0; i < length; ++i)
        bytes[i] = true_byte(offset + i, seed);
    return bytes;
}

// A ring, or the end of the test program: without io_uring nothing here can be tested.
inline std::unique_ptr<Ring> make_ring() {
    auto ring = Ring::create(64);
    if (!ring)
        qFatal("%s", describe(ring.error()).c_str());
    return std::move(*ring);
}

// Runs the ring until `ready`, looked at after every turn; false when a minute was not enough.
template <typename Ready>
bool run_until(Ring& ring, Ready ready) {
    bool in_time = true;
    const auto limit = ring.after(60 * second, [&] {
        in_time = false;
        ring.stop();
    });
    const auto first = ring.after(0, [] {}); // a turn even when nothing happens
    ring.on_turn([&] {
        if (ready())
            ring.stop();
    });
    ring.run();
    ring.on_turn({});
    ring.cancel(first);
    ring.cancel(limit);
    return in_time;
}

// Runs the ring at least this long.
inline void run_for(Ring& ring, Nanoseconds time) {
    const auto end = ring.after(time, [&] { ring.stop(); });
    ring.run();
    ring.cancel(end);
}

class ScriptedSource final : public Source {
public:
    struct Step {
        Nanoseconds delay = 0;
        int error = 0; // errno; 0 for the bytes
    };
    struct Fetched {
        Range range;
        int error = 0;
    };

    // Without a script each fetch succeeds on the ring's next turn. ring: must outlive it.
    ScriptedSource(Ring& ring, std::uint64_t size, unsigned seed = 0)
        : ring_(ring), size_(size), seed_(seed) {}

    // What the next fetches do, in order.
    std::deque<Step> script;
    // What the others do.
    std::function<Step()> otherwise = [] { return Step{}; };
    bool at_once = false;         // try_fetch has everything
    std::vector<Fetched> fetched; // in the order in which they were begun
    std::size_t on_their_way = 0; // fetches not yet ended

    [[nodiscard]] std::string name() const override { return "scripted"; }
    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] std::string identity() const override {
        return "scripted:" + std::to_string(seed_);
    }

    bool try_fetch(std::uint64_t offset, std::span<std::byte> into) override {
        check(offset, into);
        if (!at_once)
            return false;
        fetched.push_back({{offset, offset + into.size()}, 0});
        copy(offset, into);
        return true;
    }

    void fetch(std::uint64_t offset, std::span<std::byte> into, Done done) override {
        check(offset, into);
        Step step = otherwise();
        if (!script.empty()) {
            step = script.front();
            script.pop_front();
        }
        fetched.push_back({{offset, offset + into.size()}, step.error});
        ++on_their_way;
        ring_.after(step.delay, [this, alive = std::weak_ptr(alive_), offset, into, step,
                                 done = std::move(done)]() mutable {
            if (alive.expired())
                return;
            --on_their_way;
            if (step.error != 0) {
                done(system_error(step.error, "the script says so", offset));
                return;
            }
            copy(offset, into);
            done({});
        });
    }

    // How often each byte was fetched without an error: the most.
    [[nodiscard]] unsigned most_often_fetched() const {
        std::vector<unsigned> times(size_);
        unsigned most = 0;
        for (const Fetched& one : fetched) {
            for (std::uint64_t at = one.range.begin; one.error == 0 && at < one.range.end; ++at)
                most = std::max(most, ++times[at]);
        }
        return most;
    }

private:
    void check(std::uint64_t offset, std::span<const std::byte> into) const {
        if (into.empty() || offset > size_ || into.size() > size_ - offset)
            qFatal("asked for %zu bytes at %llu of %llu", into.size(),
                   static_cast<unsigned long long>(offset), static_cast<unsigned long long>(size_));
    }
    void copy(std::uint64_t offset, std::span<std::byte> into) const {
        for (std::size_t i = 0; i < into.size(); ++i)
            into[i] = true_byte(offset + i, seed_);
    }

    Ring& ring_;
    std::uint64_t size_;
    unsigned seed_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace coldscope::test
