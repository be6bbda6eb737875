#include "core/request/visible.h"

#include <algorithm>
#include <limits>

namespace coldscope {

std::optional<Row> hit_test(const Lane& lane, const EventStore& store, Nanoseconds time,
                            Nanoseconds slack, Nanoseconds now) {
    constexpr Nanoseconds last_time = std::numeric_limits<Nanoseconds>::max();
    const Nanoseconds from = time - std::min(time, slack);
    const Nanoseconds to = time + std::min(slack, last_time - time);

    struct Found {
        Row row = 0;
        Nanoseconds start = 0;
        Nanoseconds end = 0;
        [[nodiscard]] Nanoseconds distance(Nanoseconds time) const {
            return time < start ? start - time : time > end ? time - end : 0;
        }
    };
    std::optional<Found> open;
    if (lane.open()) {
        open = Found{lane.open()->row, lane.open()->start, std::max(now, lane.open()->start)};
        if (open->start > to || open->end < from)
            open.reset();
    }
    // Nearest, or at that very time: the last that starts no later, or the one behind it.
    std::optional<Found> nearest;
    const auto consider = [&](const Found& one) {
        if (one.start <= to && one.end >= from &&
            (!nearest || one.distance(time) < nearest->distance(time)))
            nearest = one;
    };
    const std::size_t at = lane.first_ending(time);
    for (std::size_t i = at == 0 ? 0 : at - 1; i < std::min(at + 1, lane.size()); ++i)
        consider({lane.row(i), lane.start(i), lane.end(i)});
    if (open)
        consider(*open);
    if (!nearest)
        return std::nullopt;
    if (nearest->distance(time) == 0 && (nearest->end - nearest->start) / 2 > slack)
        return nearest->row;

    // The worst that is marked.
    const std::size_t behind = to == last_time ? lane.size() : lane.first_starting(to + 1);
    const std::size_t first = lane.mark_from(lane.first_ending(from));
    const std::size_t last = lane.mark_from(behind);
    RequestState worst = RequestState::refault;
    std::optional<Row> marked;
    if (first < last) {
        const Lane::WorstMark found = lane.worst_mark(first, last);
        worst = found.state;
        marked = lane.row(lane.mark(found.mark));
    }
    if (open) {
        const RequestState state = store.state(open->row);
        if (state >= RequestState::was_delayed && state > worst)
            marked = open->row;
    }
    return marked ? marked : nearest->row;
}

} // namespace coldscope
