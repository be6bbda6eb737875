// Where requests are drawn: each on the first free lane of its group, so that in a lane both starts
// and ends are sorted and no two overlap. Times are ns.
#pragma once

#include "core/request/event_store.h"
#include "core/request/lane.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

namespace coldscope {

class Lanes {
public:
    using LaneId = std::uint32_t; // stable until the next group_by()
    // What a request is grouped by: its object, its reader's pid, a file. It must give the same for
    // a request whenever it is asked.
    using Key = std::function<std::uint64_t(const EventStore&, const RequestRow&)>;

    struct Group {
        std::uint64_t key = 0;
        std::vector<LaneId> lanes; // the first is preferred
    };

    explicit Lanes(Key key) : key_(std::move(key)) {}

    // Brings in what happened in the store since the last call; always with the same store. False
    // when nothing did. O(changes x log(lanes)). For records in order of time the result does not
    // depend on how they were cut into calls.
    bool update(EventStore& store);
    // Places everything anew. O(requests x log(lanes)).
    void group_by(Key key, EventStore& store);

    [[nodiscard]] std::size_t size() const { return lanes_.size(); }
    [[nodiscard]] const Lane& lane(LaneId lane) const { return lanes_[lane]; }
    // In order of their first request.
    [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }

private:
    // Finds the first lane of a group whose last request ended before a time: a tree of least ends.
    class FreeLanes {
    public:
        static constexpr std::size_t none = ~std::size_t{0};
        [[nodiscard]] std::size_t first_before(Nanoseconds start) const;
        void set(std::size_t lane, Nanoseconds end); // lane <= lanes so far

    private:
        std::vector<Nanoseconds> least_; // root at 1, leaves from leaves_ on
        std::size_t leaves_ = 0;
    };

    void place(const EventStore& store, Row row);
    void add(LaneId id, const EventStore& store, Row row); // one that has ended
    std::size_t group_of(std::uint64_t key);

    Key key_;
    ChangeMark mark_;
    std::vector<Lane> lanes_;
    std::vector<std::uint32_t> in_group_; // a lane's position among its group's
    std::vector<Group> groups_;
    std::vector<FreeLanes> free_; // for each group
    std::unordered_map<std::uint64_t, std::size_t> group_by_key_;
    std::unordered_map<Row, LaneId> open_;
    std::vector<LaneId> grown_; // in this update
};

} // namespace coldscope
