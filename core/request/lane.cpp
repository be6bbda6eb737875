#include "core/request/lane.h"

#include <algorithm>

namespace coldscope {

namespace {

std::size_t first_from(const std::vector<std::uint32_t>& sorted, std::size_t value) {
    return static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), value) -
                                    sorted.begin());
}

} // namespace

void Lane::add(Nanoseconds start, Nanoseconds end, Row row, RequestState state) {
    times_.push_back({start, end});
    rows_.push_back(row);
    states_.push_back(state);
}

void Lane::index() {
    const std::size_t from = levels_[0].breaks.size();
    for (std::size_t k = 1; k < mark_level; ++k) {
        // Refaults come at random among the others: no branch for them.
        auto& places = levels_[k].places;
        std::size_t count = places.size();
        places.resize(count + size() - from);
        for (std::size_t i = from; i < size(); ++i) {
            places[count] = static_cast<std::uint32_t>(i);
            count += states_[i] >= level_states[k] ? 1 : 0;
        }
        places.resize(count);
    }
    for (std::size_t i = from; i < size(); ++i) {
        if (states_[i] >= level_states[mark_level])
            index_mark(static_cast<std::uint32_t>(i));
    }

    for (std::size_t k = 0; k < levels; ++k) {
        const Level level = this->level(k);
        Peaks& breaks = levels_[k].breaks;
        const std::size_t members = k == 0            ? size()
                                    : k == mark_level ? marks()
                                                      : levels_[k].places.size();
        Times before;
        if (breaks.size() > 0)
            before = level.times[level.place(breaks.size() - 1)];
        for (std::size_t i = breaks.size(); i < members; ++i) {
            const Times it = level.times[level.place(i)];
            breaks.push_back(std::max(
                {it.start - before.end, (it.end - it.start) / 2, (before.end - before.start) / 2}));
            before = it;
        }
    }
}

void Lane::index_mark(std::uint32_t request) {
    const auto mark = static_cast<std::uint32_t>(marks_.size());
    marks_.push_back(request);
    mark_times_.push_back(times_[request]);
    for (std::size_t k = mark_level + 1; k < levels && level_states[k] <= states_[request]; ++k)
        levels_[k].places.push_back(mark);
}

std::size_t Lane::first_ending(Nanoseconds time) const {
    const auto at = std::ranges::lower_bound(times_, time, {}, &Times::end);
    return static_cast<std::size_t>(at - times_.begin());
}

std::size_t Lane::first_starting(Nanoseconds time) const {
    const auto at = std::ranges::lower_bound(times_, time, {}, &Times::start);
    return static_cast<std::size_t>(at - times_.begin());
}

std::size_t Lane::mark_from(std::size_t request) const {
    return first_from(marks_, request);
}

Lane::WorstMark Lane::worst_mark(std::size_t from, std::size_t to) const {
    for (std::size_t k = levels - 1; k > mark_level; --k) {
        const auto& places = levels_[k].places;
        const std::size_t first = first_from(places, from);
        if (first < places.size() && places[first] < to)
            return {level_states[k], places[first]};
    }
    return {level_states[mark_level], from};
}

Lane::Level Lane::level(std::size_t level) const {
    const Members& members = levels_[level];
    Level view;
    view.times = level < mark_level ? times_.data() : mark_times_.data();
    view.requests = level < mark_level ? nullptr : marks_.data();
    view.rows = rows_.data();
    view.places = level == 0 || level == mark_level ? nullptr : members.places.data();
    view.members = members.breaks.size();
    view.breaks = &members.breaks;
    return view;
}

} // namespace coldscope
