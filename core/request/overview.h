// A whole recording on a strip: counts, bytes and worst state for each bucket of 2^k ns, and for
// each two, four, eight... of them. The bucket widens as the recording grows, so that memory is
// bounded (3 MiB) and there are always tens of thousands of buckets on a long recording.
#pragma once

#include "core/request/event_store.h"
#include "core/request/time_axis.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coldscope {

struct OverviewCell {
    std::uint64_t count = 0; // requests that started here
    std::uint64_t bytes = 0; // that they asked for; stays at the greatest number when it overflows
    RequestState worst = RequestState::refault; // where count > 0

    bool operator==(const OverviewCell&) const = default;
    void add(const OverviewCell& other);
};

class Overview {
public:
    // Brings in what ended in the store since the last call; always with the same store. Amortised
    // O(log buckets) a request.
    void update(EventStore& store);
    // For each column the requests that started in it. A bucket counts in the column where it
    // begins, the one that the window begins in counts in the first. Open requests are laid over,
    // each in the column of its start. O(width x log buckets + open).
    void query(EventStore& store, const TimeAxis& axis, std::vector<OverviewCell>& columns) const;

    [[nodiscard]] unsigned bucket_bits() const { return bits_; } // a bucket is 2^bits ns

private:
    static constexpr std::size_t leaves = std::size_t{1} << 16;
    static constexpr unsigned least_bits = 10;

    void add(Nanoseconds start, const OverviewCell& cell);
    void make_room(Nanoseconds start);
    [[nodiscard]] OverviewCell sum(std::uint64_t from, std::uint64_t to) const;

    ChangeMark mark_;
    unsigned bits_ = least_bits;
    std::uint64_t first_ = 0;        // number (time >> bits) of the first bucket
    std::vector<OverviewCell> tree_; // root at 1, buckets from `leaves` on
};

} // namespace coldscope
