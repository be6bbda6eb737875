#include "app/models/request_order.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

namespace coldscope::app {

void RequestOrder::set(By by, bool descending, const EventStore& store) {
    by_ = by;
    descending_ = descending;
    if (by_ == By::process)
        rank_readers(store);
    for (Entry& entry : entries_)
        entry.key = key(store, entry.row);
    sort(entries_);
}

void RequestOrder::clear() {
    entries_.clear();
    rank_.clear();
}

void RequestOrder::rank_readers(const EventStore& store) {
    rank_.resize(store.readers());
    std::vector<std::uint32_t> readers(store.readers());
    std::iota(readers.begin(), readers.end(), 0U);
    const auto text = [&store](std::uint32_t reader) {
        RequestRow row;
        row.reader = reader;
        const Reader& is = store.reader(row);
        return std::tuple(is.name(), is.pid);
    };
    std::sort(readers.begin(), readers.end(),
              [&](std::uint32_t one, std::uint32_t other) { return text(one) < text(other); });
    for (std::uint32_t at = 0; at < readers.size(); ++at)
        rank_[readers[at]] = at;
}

std::uint64_t RequestOrder::key(const EventStore& store, Row at) const {
    const RequestRow& row = store[at];
    switch (by_) {
    case By::arrival:
        return at;
    case By::took:
        if (row.open())
            return std::numeric_limits<std::uint64_t>::max() - row.start;
        return row.end() - row.start;
    case By::length:
        return row.length;
    case By::offset:
        return row.offset;
    case By::object:
        return row.object;
    case By::process:
        return row.reader; // ranked when compared: ranks move as readers come
    case By::state:
        return static_cast<std::uint64_t>(store.state(at));
    case By::fetched:
        return row.fetched;
    }
    return 0;
}

RequestOrder::Entry RequestOrder::make(const EventStore& store, Row row) {
    if (by_ == By::process && store[row].reader >= rank_.size())
        rank_readers(store);
    return {key(store, row), row};
}

bool RequestOrder::before(const Entry& one, const Entry& other) const {
    if (one.key == other.key)
        return one.row < other.row;
    const bool less = by_ == By::process ? rank_[one.key] < rank_[other.key] : one.key < other.key;
    return less != descending_;
}

std::optional<std::size_t> RequestOrder::find(const Entry& entry) const {
    const auto less = [this](const Entry& one, const Entry& other) { return before(one, other); };
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), entry, less);
    if (at == entries_.end() || at->row != entry.row)
        return {};
    return static_cast<std::size_t>(at - entries_.begin());
}

void RequestOrder::sort(std::vector<Entry>& entries) const {
    const auto less = [this](const Entry& one, const Entry& other) { return before(one, other); };
    if (!std::is_sorted(entries.begin(), entries.end(), less))
        std::sort(entries.begin(), entries.end(), less);
}

void RequestOrder::append(const std::vector<Entry>& sorted) {
    entries_.insert(entries_.end(), sorted.begin(), sorted.end());
}

bool RequestOrder::in_order(std::size_t from) const {
    return from == 0 || from >= entries_.size() || before(entries_[from - 1], entries_[from]);
}

void RequestOrder::merge(const std::vector<std::size_t>& out, std::size_t from,
                         const std::vector<Entry>& sorted) {
    std::size_t kept = from;
    if (!out.empty()) {
        kept = out.front();
        auto next = out.begin();
        for (std::size_t at = kept; at < from; ++at) {
            if (next != out.end() && *next == at)
                ++next;
            else
                entries_[kept++] = entries_[at];
        }
    }
    entries_.resize(kept + sorted.size());
    // From the back, until the last of the new ones has its place.
    std::size_t old = kept;
    std::size_t fresh = sorted.size();
    for (std::size_t to = entries_.size(); fresh > 0; --to) {
        if (old > 0 && before(sorted[fresh - 1], entries_[old - 1]))
            entries_[to - 1] = entries_[--old];
        else
            entries_[to - 1] = sorted[--fresh];
    }
}

void RequestOrder::erase(std::size_t from, std::size_t to) {
    const auto begin = entries_.begin();
    entries_.erase(begin + static_cast<std::ptrdiff_t>(from),
                   begin + static_cast<std::ptrdiff_t>(to));
}

void RequestOrder::move_to_end(const std::vector<std::size_t>& places) {
    std::vector<Entry> moved;
    moved.reserve(places.size());
    for (const std::size_t at : places)
        moved.push_back(entries_[at]);
    merge(places, entries_.size(), {});
    append(moved);
}

} // namespace coldscope::app
