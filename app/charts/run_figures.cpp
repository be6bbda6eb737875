#include "app/charts/run_figures.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace coldscope::app {

Nanoseconds RunFigures::latency_edge(std::size_t bin) {
    static const auto edges = [] {
        std::array<Nanoseconds, latency_bins + 1> result{};
        for (std::size_t i = 0; i < result.size(); ++i) {
            const double decade = static_cast<double>(i) / per_decade;
            result[i] = static_cast<Nanoseconds>(
                std::llround(static_cast<double>(least_latency) * std::pow(10, decade)));
        }
        return result;
    }();
    return edges[bin];
}

bool RunFigures::update(EventStore& store) {
    const Changes changes = store.changes_since(mark_);
    if (changes.empty())
        return false;
    if (bins_.empty() && ended_ == 0 && (began_ == 0 || store.earliest() < began_))
        began_ = store.earliest();
    const auto seen = [this] { return std::tuple(ended_, bytes_fetched()); };
    const auto before = seen();
    for (const Row row : changes.changed)
        add(store, store[row]);
    for (Row row = changes.first_new; row < changes.end; ++row)
        add(store, store[row]);
    return seen() != before;
}

// A row that is not open never changes again, so each comes here once after its end.
void RunFigures::add(const EventStore& store, const RequestRow& row) {
    if (row.open())
        return;
    Bin& bin = bin_at(row.end());
    bin.fetched += row.fetched;
    if (row.background()) {
        ((row.flags & flag::prefetch) != 0 ? prefetched_ : amplified_) += row.fetched;
        return;
    }
    ++ended_;
    asked_ += row.length;
    missed_ += row.fetched;
    if (row.last == Step::lost) {
        ++lost_;
        return;
    }
    ++bin.answered;
    failed_ += row.result != 0;
    const Steering steering = store.steering(row);
    if (row.op != Op::read || row.result != 0 || (row.flags & flag::refault) != 0 ||
        row.arrived() == 0 || steering.held != 0 || steering.delayed != 0)
        return;
    const Nanoseconds latency = row.end() - row.start;
    misses_.add(latency);
    std::size_t at = 0;
    while (at + 1 < latency_bins && latency >= latency_edge(at + 1))
        ++at;
    ++latency_counts_[at];
}

RunFigures::Bin& RunFigures::bin_at(Nanoseconds time) {
    const Nanoseconds since = time > began_ ? time - began_ : 0;
    while (since / width_ >= most_bins) {
        for (std::size_t i = 0; i < bins_.size(); ++i) {
            const Bin one = std::exchange(bins_[i], {});
            bins_[i / 2].answered += one.answered;
            bins_[i / 2].fetched += one.fetched;
        }
        bins_.resize((bins_.size() + 1) / 2);
        width_ *= 2;
    }
    const std::size_t at = since / width_;
    if (at >= bins_.size())
        bins_.resize(at + 1);
    return bins_[at];
}

} // namespace coldscope::app
