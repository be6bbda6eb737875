#include "core/request/lanes.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace coldscope {

namespace {

constexpr Nanoseconds never = std::numeric_limits<Nanoseconds>::max();

} // namespace

std::size_t Lanes::FreeLanes::first_before(Nanoseconds start) const {
    if (leaves_ == 0 || least_[1] >= start)
        return none;
    std::size_t node = 1;
    while (node < leaves_)
        node = 2 * node + (least_[2 * node] < start ? 0 : 1);
    return node - leaves_;
}

void Lanes::FreeLanes::set(std::size_t lane, Nanoseconds end) {
    if (lane >= leaves_) {
        const std::size_t leaves = std::max<std::size_t>(1, 2 * leaves_);
        std::vector<Nanoseconds> grown(2 * leaves, never);
        std::copy(least_.begin() + static_cast<std::ptrdiff_t>(leaves_), least_.end(),
                  grown.begin() + static_cast<std::ptrdiff_t>(leaves));
        for (std::size_t node = leaves - 1; node > 0; --node)
            grown[node] = std::min(grown[2 * node], grown[2 * node + 1]);
        least_ = std::move(grown);
        leaves_ = leaves;
    }
    std::size_t node = leaves_ + lane;
    least_[node] = end;
    while ((node /= 2) > 0) {
        const Nanoseconds least = std::min(least_[2 * node], least_[2 * node + 1]);
        if (least_[node] == least)
            break;
        least_[node] = least;
    }
}

bool Lanes::update(EventStore& store) {
    const Changes changes = store.changes_since(mark_);
    for (const Row row : changes.changed) {
        const RequestRow& request = store[row];
        if (request.open())
            continue;
        const auto at = open_.find(row);
        if (at == open_.end())
            continue;
        const LaneId id = at->second;
        open_.erase(at);
        lanes_[id].open_.reset();
        add(id, store, row);
    }
    for (Row row = changes.first_new; row < changes.end; ++row)
        place(store, row);
    for (const LaneId id : grown_)
        lanes_[id].index();
    grown_.clear();
    return !changes.empty();
}

void Lanes::add(LaneId id, const EventStore& store, Row row) {
    Lane& lane = lanes_[id];
    if (lane.indexed())
        grown_.push_back(id);
    const RequestRow& request = store[row];
    lane.add(request.start, request.end(), row, store.state(row));
    free_[lane.group_].set(in_group_[id], request.end());
}

void Lanes::group_by(Key key, EventStore& store) {
    *this = Lanes(std::move(key));
    update(store);
}

std::size_t Lanes::group_of(std::uint64_t key) {
    const auto [at, is_new] = group_by_key_.try_emplace(key, groups_.size());
    if (is_new) {
        groups_.push_back({key, {}});
        free_.emplace_back();
    }
    return at->second;
}

void Lanes::place(const EventStore& store, Row row) {
    const RequestRow& request = store[row];
    const std::size_t group = group_of(key_(store, request));
    std::size_t in_group = free_[group].first_before(request.start);
    if (in_group == FreeLanes::none) {
        in_group = groups_[group].lanes.size();
        groups_[group].lanes.push_back(static_cast<LaneId>(lanes_.size()));
        lanes_.emplace_back().group_ = group;
        in_group_.push_back(static_cast<std::uint32_t>(in_group));
    }
    const LaneId id = groups_[group].lanes[in_group];
    if (request.open()) {
        lanes_[id].open_ = Lane::Open{request.start, row};
        open_.emplace(row, id);
        free_[group].set(in_group, never);
    } else {
        add(id, store, row);
    }
}

} // namespace coldscope
