// Where requests are drawn: each on the first free lane of its group, so that in a lane both starts
// and ends are sorted and no two overlap. Times are ns.
#pragma once

#include "core/request/event_store.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace coldscope {

// One lane: ended requests in order, each starting after the one before it ended, and then perhaps
// one open request, which reaches to now. 24 bytes a request; growing copies this lane alone.
class Lane {
public:
    struct Open {
        Nanoseconds start = 0;
        Row row = 0;
    };

    [[nodiscard]] std::size_t group() const { return group_; } // in Lanes::groups()
    // Of ended requests; all below are O(1) but worst().
    [[nodiscard]] std::size_t size() const { return rows_.size(); }
    [[nodiscard]] Nanoseconds start(std::size_t at) const { return starts_[at]; }
    [[nodiscard]] Nanoseconds end(std::size_t at) const { return ends_[at]; }
    [[nodiscard]] Row row(std::size_t at) const { return rows_[at]; }
    [[nodiscard]] const std::optional<Open>& open() const { return open_; }

    // The index of those that folding must not hide: held, delayed, failed or lost, and ended.
    [[nodiscard]] std::size_t marks() const { return marks_.size(); }
    [[nodiscard]] std::size_t mark(std::size_t at) const { return marks_[at].at; }
    // Worst state of marks [from, to); from < to.
    [[nodiscard]] RequestState worst_mark(std::size_t from, std::size_t to) const;
    // First mark in [from, to) of this state; `to` when there is none. O(log marks).
    [[nodiscard]] std::size_t first_mark(RequestState state, std::size_t from,
                                         std::size_t to) const;
    // Worst state of ended requests [from, to) among which are marks [mark_from, mark_to). O(1).
    [[nodiscard]] RequestState worst(std::size_t from, std::size_t to, std::size_t mark_from,
                                     std::size_t mark_to) const;

private:
    friend class Lanes;
    static constexpr std::array mark_states{RequestState::was_delayed, RequestState::was_held,
                                            RequestState::lost, RequestState::failed};
    using MarkCounts = std::array<std::uint32_t, mark_states.size()>;
    struct Mark {
        std::uint32_t at = 0;
        MarkCounts upto{}; // of each state, in this lane up to and with this
    };

    [[nodiscard]] std::uint32_t marks_before(std::size_t at, std::size_t kind) const {
        return at == 0 ? 0 : marks_[at - 1].upto[kind];
    }
    void add(Nanoseconds start, Nanoseconds end, Row row, RequestState state);

    std::size_t group_ = 0;
    std::vector<Nanoseconds> starts_;
    std::vector<Nanoseconds> ends_;
    std::vector<Row> rows_;
    std::vector<std::uint32_t> not_refaults_; // up to and with this one
    std::vector<Mark> marks_;
    std::optional<Open> open_;
};

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
    std::size_t group_of(std::uint64_t key);

    Key key_;
    ChangeMark mark_;
    std::vector<Lane> lanes_;
    std::vector<std::uint32_t> in_group_; // a lane's position among its group's
    std::vector<Group> groups_;
    std::vector<FreeLanes> free_; // for each group
    std::unordered_map<std::uint64_t, std::size_t> group_by_key_;
    std::unordered_map<Row, LaneId> open_;
};

} // namespace coldscope
