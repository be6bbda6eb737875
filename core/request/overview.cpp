#include "core/request/overview.h"

#include <algorithm>
#include <limits>

namespace coldscope {

namespace {

OverviewCell cell_of(const EventStore& store, Row row) {
    return {1, store[row].length, store.state(row)};
}

} // namespace

void OverviewCell::add(const OverviewCell& other) {
    count += other.count;
    bytes = other.bytes > std::numeric_limits<std::uint64_t>::max() - bytes
                ? std::numeric_limits<std::uint64_t>::max()
                : bytes + other.bytes;
    worst = std::max(worst, other.worst);
}

void Overview::update(EventStore& store) {
    const Changes changes = store.changes_since(mark_);
    const auto take = [&](Row row) {
        if (!store[row].open())
            add(store[row].start, cell_of(store, row));
    };
    for (const Row row : changes.changed)
        take(row);
    for (Row row = changes.first_new; row < changes.end; ++row)
        take(row);
}

void Overview::add(Nanoseconds start, const OverviewCell& cell) {
    make_room(start);
    for (std::size_t node = leaves + ((start >> bits_) - first_); node > 0; node /= 2)
        tree_[node].add(cell);
}

// Widens buckets until they hold this time too. The first bucket may move back: a quarter of the
// room is kept before it, for what comes a little out of order.
void Overview::make_room(Nanoseconds start) {
    if (tree_.empty()) {
        tree_.resize(2 * leaves);
        first_ = (start >> bits_) - std::min<std::uint64_t>(start >> bits_, leaves / 4);
    }
    const auto fits = [&] {
        const std::uint64_t bucket = start >> bits_;
        return bucket >= first_ && bucket - first_ < leaves;
    };
    if (fits())
        return;
    std::vector<OverviewCell> buckets(tree_.begin() + leaves, tree_.end());
    while (!fits()) {
        // Buckets of twice the width, in the middle of the room where time goes back.
        const std::uint64_t first = first_ / 2;
        const std::uint64_t back =
            (start >> bits_) < first_ ? std::min<std::uint64_t>(first, leaves / 4) : 0;
        std::vector<OverviewCell> wider(leaves);
        for (std::size_t i = 0; i < leaves; ++i)
            wider[(first_ + i) / 2 - first + back].add(buckets[i]);
        buckets = std::move(wider);
        first_ = first - back;
        ++bits_;
    }
    std::copy(buckets.begin(), buckets.end(), tree_.begin() + leaves);
    for (std::size_t node = leaves - 1; node > 0; --node) {
        tree_[node] = tree_[2 * node];
        tree_[node].add(tree_[2 * node + 1]);
    }
}

// Of buckets [from, to), by their numbers.
OverviewCell Overview::sum(std::uint64_t from, std::uint64_t to) const {
    OverviewCell result;
    from = std::max(from, first_);
    to = std::min(to, first_ + leaves);
    if (from >= to)
        return result;
    std::size_t left = leaves + (from - first_);
    std::size_t right = leaves + (to - first_);
    for (; left < right; left /= 2, right /= 2) {
        if (left % 2 == 1)
            result.add(tree_[left++]);
        if (right % 2 == 1)
            result.add(tree_[--right]);
    }
    return result;
}

void Overview::query(EventStore& store, const TimeAxis& axis,
                     std::vector<OverviewCell>& columns) const {
    columns.assign(axis.width(), {});
    if (!tree_.empty()) {
        const std::uint64_t mask = (std::uint64_t{1} << bits_) - 1;
        const auto first_beginning_at = [&](Nanoseconds time) {
            return (time >> bits_) + ((time & mask) != 0);
        };
        std::uint64_t from = axis.begin() >> bits_;
        for (std::uint32_t x = 0; x < axis.width(); ++x) {
            const std::uint64_t to = first_beginning_at(axis.time_at(x + 1));
            columns[x] = sum(from, to);
            from = std::max(from, to);
        }
    }
    for (const Row row : store.open_rows()) {
        const Nanoseconds start = store[row].start;
        if (start >= axis.begin() && start < axis.end())
            columns[axis.column_of(start)].add(cell_of(store, row));
    }
}

} // namespace coldscope
