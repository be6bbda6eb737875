// What a run that can be attached to remembers of the facts beside its events: the newest of them,
// each with the number of the record that came next.
#pragma once

#include "daemon/control/frames.h"

#include <cstdint>
#include <deque>
#include <unordered_map>

namespace coldscope::attach {

class FactHistory {
public:
    // most: bytes of memory for each kind of facts.
    explicit FactHistory(std::size_t most) : most_(most) {}

    // next: the number of the record that comes next.
    void add(const Fact& fact, std::uint64_t next);

    // What a window has been told: all before these numbers.
    struct Told {
        std::uint64_t readers = 0;
        std::uint64_t origins = 0;
        std::uint64_t times = 0;
        std::uint64_t failures = 0;
        std::uint64_t through = 0;
    };
    // What one was told that lacks the records from this number on, or a little less.
    [[nodiscard]] Told before(std::uint64_t next) const;
    // What comes next, as much as goes into one frame; empty when all was told.
    [[nodiscard]] Facts take(Told& told) const;

private:
    template <typename T>
    struct Kept {
        struct Entry {
            std::uint64_t next = 0;
            T fact;
        };
        [[nodiscard]] std::uint64_t before(std::uint64_t next) const;
        void add(std::uint64_t next, const T& fact, std::size_t most);
        [[nodiscard]] std::uint64_t end() const { return first + entries.size(); }

        std::deque<Entry> entries;
        std::uint64_t first = 0; // number of the oldest
        std::size_t bytes = 0;
    };
    void forget_oldest_reader();

    std::size_t most_;
    Kept<ReaderFacts> readers_;
    Kept<ReadFor> origins_;
    Kept<KernelTime> times_;
    Kept<Failure> failures_;
    Kept<AskedThrough> through_;
    std::unordered_map<std::uint32_t, std::uint64_t> newest_; // by thread: number in readers_
};

} // namespace coldscope::attach
