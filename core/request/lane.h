// One lane of requests, of which no two overlap: ended ones in order, each starting after the one
// before it ended, and then perhaps one open request, which reaches to now. Times are ns.
#pragma once

#include "core/request/peaks.h"
#include "core/request/row.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace coldscope {

// 22 bytes a request, 5 more when it is no prefetch, 5 more when it is no refault either, 21 to 36
// more when it is a mark. Growing copies this lane alone.
class Lane {
public:
    struct Open {
        Nanoseconds start = 0;
        Row row = 0;
    };
    // The earliest of the worst.
    struct WorstMark {
        RequestState state = RequestState::was_delayed;
        std::size_t mark = 0;
    };

    // Level k has the requests whose state is level_states[k] or worse. What a level covers on a
    // screen is found from its breaks alone: where members are farther apart than columns are wide,
    // or last that long.
    static constexpr std::array level_states{RequestState::prefetched, RequestState::refault,
                                             RequestState::answered,   RequestState::was_delayed,
                                             RequestState::was_held,   RequestState::lost,
                                             RequestState::failed};
    static constexpr std::size_t levels = level_states.size();
    // From here on they hide in no fold: marks.
    static constexpr std::size_t mark_level = 3;

    struct Times {
        Nanoseconds start = 0;
        Nanoseconds end = 0;
    };
    struct Level {
        const Times* times = nullptr; // of all requests; from mark_level on of the marks alone
        const std::uint32_t* requests = nullptr; // that the marks are
        const Row* rows = nullptr;               // of all requests
        // Where in them a member is; null: member m is the m-th, or there is none.
        const std::uint32_t* places = nullptr;
        std::size_t members = 0;
        // For each member the time since the one before it ended, or half of what it or the one
        // before it lasts, whichever is longest.
        const Peaks* breaks = nullptr;

        [[nodiscard]] std::size_t place(std::size_t member) const {
            return places ? places[member] : member;
        }
    };

    [[nodiscard]] std::size_t group() const { return group_; } // in Lanes::groups()
    // Of ended requests. O(1).
    [[nodiscard]] std::size_t size() const { return rows_.size(); }
    [[nodiscard]] Nanoseconds start(std::size_t at) const { return times_[at].start; }
    [[nodiscard]] Nanoseconds end(std::size_t at) const { return times_[at].end; }
    [[nodiscard]] Row row(std::size_t at) const { return rows_[at]; }
    [[nodiscard]] RequestState state(std::size_t at) const { return states_[at]; }
    [[nodiscard]] const std::optional<Open>& open() const { return open_; }

    // The first that ends, or starts, at a time or later; size() when there is none. O(log).
    [[nodiscard]] std::size_t first_ending(Nanoseconds time) const;
    [[nodiscard]] std::size_t first_starting(Nanoseconds time) const;

    // Held, delayed, failed or lost, and ended.
    [[nodiscard]] std::size_t marks() const { return marks_.size(); }
    [[nodiscard]] std::size_t mark(std::size_t at) const { return marks_[at]; }
    // The first mark that is this request or behind it; marks() when there is none. O(log marks).
    [[nodiscard]] std::size_t mark_from(std::size_t request) const;
    // Of marks [from, to), from < to. O(log marks).
    [[nodiscard]] WorstMark worst_mark(std::size_t from, std::size_t to) const;

    // Good until the lane grows. O(1).
    [[nodiscard]] Level level(std::size_t level) const;

private:
    friend class Lanes;

    struct Members {
        std::vector<std::uint32_t> places; // where it is not all
        Peaks breaks;
    };

    void add(Nanoseconds start, Nanoseconds end, Row row, RequestState state);
    [[nodiscard]] bool indexed() const { return levels_[0].breaks.size() == size(); }
    // Brings what was added into the levels. O(added).
    void index();
    void index_mark(std::uint32_t request);

    std::size_t group_ = 0;
    std::vector<Times> times_;
    std::vector<Row> rows_;
    std::vector<RequestState> states_;
    std::vector<std::uint32_t> marks_; // the requests that they are
    std::vector<Times> mark_times_;
    std::array<Members, levels> levels_;
    std::optional<Open> open_;
};

} // namespace coldscope
