// What the requests of a run come to, brought in as they end: latencies of misses, throughput over
// the run, bytes. Bounded in memory, 64 KiB. Times are ns.
#pragma once

#include "core/request/event_store.h"
#include "core/request/latency.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coldscope::app {

class RunFigures {
public:
    // Bins of equal width on a logarithmic axis from 1 µs to 10 s. The first has what is faster,
    // too, and the last what is slower.
    static constexpr std::size_t per_decade = 8;
    static constexpr std::size_t decades = 7;
    static constexpr std::size_t latency_bins = per_decade * decades;
    static constexpr Nanoseconds least_latency = microsecond;
    // Where a bin begins; of latency_bins, where the last ends.
    [[nodiscard]] static Nanoseconds latency_edge(std::size_t bin);

    // At most this many bins of time; they double in width to keep to it.
    static constexpr std::size_t most_bins = 200;
    static constexpr Nanoseconds least_width = 50 * millisecond;
    struct Bin {
        std::uint64_t answered = 0; // requests that got their answer here, if an error
        std::uint64_t fetched = 0;  // bytes that requests set off which ended here
        bool operator==(const Bin&) const = default;
    };

    // began: where time begins; what came before that moves it. 0: the first request's arrival.
    explicit RunFigures(Nanoseconds began = 0) : began_(began) {}

    // Brings in what ended in the store since the last call; always with the same store. False when
    // nothing did. O(changes).
    bool update(EventStore& store);

    [[nodiscard]] const std::array<std::uint64_t, latency_bins>& latencies() const {
        return latency_counts_;
    }
    // Answered reads of bytes that were not local, without those that were held or delayed.
    [[nodiscard]] std::uint64_t misses() const { return misses_.count(); }
    // The least that so many of a hundred misses do not exceed, to 1 %; 0 without misses.
    [[nodiscard]] Nanoseconds percentile(unsigned percent) const {
        return misses_.percentile(percent);
    }
    [[nodiscard]] Nanoseconds slowest() const { return misses_.max(); }

    [[nodiscard]] Nanoseconds began() const { return began_; }
    // Of time; from began() on, up to the last with something in it.
    [[nodiscard]] const std::vector<Bin>& bins() const { return bins_; }
    [[nodiscard]] Nanoseconds bin_width() const { return width_; }

    // Of readers' requests that ended.
    [[nodiscard]] std::uint64_t ended() const { return ended_; }
    [[nodiscard]] std::uint64_t failed() const { return failed_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    [[nodiscard]] std::uint64_t bytes_asked() const { return asked_; }
    [[nodiscard]] std::uint64_t bytes_fetched() const { return missed_ + amplified_ + prefetched_; }
    // By misses, around them, and ahead of them: none of the last two is among ended().
    [[nodiscard]] std::uint64_t bytes_missed() const { return missed_; }
    [[nodiscard]] std::uint64_t bytes_amplified() const { return amplified_; }
    [[nodiscard]] std::uint64_t bytes_prefetched() const { return prefetched_; }

private:
    void add(const EventStore& store, const RequestRow& row);
    Bin& bin_at(Nanoseconds time);

    ChangeMark mark_;
    Nanoseconds began_ = 0;
    Latencies misses_;
    std::array<std::uint64_t, latency_bins> latency_counts_{};
    std::vector<Bin> bins_;
    Nanoseconds width_ = least_width;
    std::uint64_t ended_ = 0;
    std::uint64_t failed_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t asked_ = 0;
    std::uint64_t missed_ = 0;
    std::uint64_t amplified_ = 0;
    std::uint64_t prefetched_ = 0;
};

} // namespace coldscope::app
