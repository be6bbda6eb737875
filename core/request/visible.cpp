#include "core/request/visible.h"

#include <algorithm>
#include <limits>

namespace coldscope {

namespace {

// The first in [from, count) that ends at a time or later: steps of doubling length, then halves.
template <typename End>
std::size_t gallop(std::size_t from, std::size_t count, Nanoseconds time, const End& end) {
    if (from >= count || end(from) >= time)
        return from;
    std::size_t step = 1;
    while (from + step < count && end(from + step) < time) {
        from += step;
        step *= 2;
    }
    // end(from) < time; the answer is in (from, from + step].
    std::size_t left = std::min(step, count - from);
    while (left > 1) {
        const std::size_t half = left / 2;
        from += end(from + half) < time ? half : 0;
        left -= half;
    }
    return from + 1;
}

template <typename End>
std::size_t first_ending(std::size_t count, Nanoseconds time, const End& end) {
    std::size_t low = 0;
    std::size_t high = count;
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (end(middle) < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void append(std::vector<VisibleSpan>& spans, std::size_t first, const VisibleSpan& span) {
    if (span.folded && spans.size() > first) {
        VisibleSpan& last = spans.back();
        if (last.folded && last.right == span.left && last.worst == span.worst) {
            last.right = span.right;
            last.count += span.count;
            return;
        }
    }
    spans.push_back(span);
}

// Items are `count` requests in order, no two at once: start(i), end(i), row(i), and worst(i, j)
// of [i, j), which is asked from left to right.
template <typename Start, typename End, typename RowOf, typename Worst>
void walk(const TimeAxis& axis, std::size_t count, const Start& start, const End& end,
          const RowOf& row, Worst worst, std::vector<VisibleSpan>& spans) {
    const std::size_t first_span = spans.size();
    std::size_t at = first_ending(count, axis.begin(), end);
    if (at == count || start(at) >= axis.end())
        return;
    std::uint32_t column = axis.column_of(start(at));
    Nanoseconds limit = axis.time_at(column + 1);
    while (true) {
        VisibleSpan span;
        span.left = column;
        span.row = row(at);
        std::size_t next = gallop(at, count, limit, end);
        if (next == at) { // it reaches out of the column
            span.right = axis.column_of(end(at)) + 1;
            ++next;
        } else {
            span.right = column + 1;
            span.folded = true;
        }
        span.count = static_cast<std::uint32_t>(next - at);
        span.worst = worst(at, next);
        append(spans, first_span, span);
        if (next == count || start(next) >= axis.end())
            return;
        at = next;
        const Nanoseconds time = start(at);
        if (time < limit)
            continue;
        ++column;
        Nanoseconds following = axis.time_at(column + 1);
        if (time >= following) {
            column = axis.column_of(time);
            following = axis.time_at(column + 1);
        }
        limit = following;
    }
}

// The open request of a lane, where one is seen.
void append_open(const Lane& lane, const EventStore& store, const TimeAxis& axis, Nanoseconds now,
                 bool only_marked, std::vector<VisibleSpan>& spans) {
    if (!lane.open())
        return;
    const Nanoseconds end = std::max(now, lane.open()->start);
    if (lane.open()->start >= axis.end() || end < axis.begin())
        return;
    VisibleSpan span;
    span.worst = store.state(lane.open()->row);
    if (only_marked && span.worst < RequestState::was_delayed)
        return;
    span.left = axis.column_of(lane.open()->start);
    span.right = axis.column_of(end) + 1;
    span.count = 1;
    span.row = lane.open()->row;
    span.open = true;
    spans.push_back(span);
}

} // namespace

void find_visible(const Lane& lane, const EventStore& store, const TimeAxis& axis, Nanoseconds now,
                  std::vector<VisibleSpan>& spans) {
    // The first mark that is not before what was asked last.
    const auto mark_at = [&](std::size_t mark) { return Nanoseconds{lane.mark(mark)}; };
    std::size_t mark = 0;
    bool asked = false;
    const auto worst = [&](std::size_t from, std::size_t to) {
        mark = asked ? gallop(mark, lane.marks(), from, mark_at)
                     : first_ending(lane.marks(), from, mark_at);
        asked = true;
        const std::size_t first = mark;
        mark = gallop(mark, lane.marks(), to, mark_at);
        return lane.worst(from, to, first, mark);
    };
    walk(
        axis, lane.size(), [&](std::size_t i) { return lane.start(i); },
        [&](std::size_t i) { return lane.end(i); }, [&](std::size_t i) { return lane.row(i); },
        worst, spans);
    append_open(lane, store, axis, now, false, spans);
}

void find_marks(const Lane& lane, const EventStore& store, const TimeAxis& axis, Nanoseconds now,
                std::vector<VisibleSpan>& spans) {
    walk(
        axis, lane.marks(), [&](std::size_t i) { return lane.start(lane.mark(i)); },
        [&](std::size_t i) { return lane.end(lane.mark(i)); },
        [&](std::size_t i) { return lane.row(lane.mark(i)); },
        [&](std::size_t from, std::size_t to) { return lane.worst_mark(from, to); }, spans);
    append_open(lane, store, axis, now, true, spans);
}

std::optional<Row> hit_test(const Lane& lane, const EventStore& store, Nanoseconds time,
                            Nanoseconds slack, Nanoseconds now) {
    const Nanoseconds from = time - std::min(time, slack);
    const Nanoseconds to = time + std::min(slack, std::numeric_limits<Nanoseconds>::max() - time);
    const auto end = [&](std::size_t i) { return lane.end(i); };

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
    const std::size_t at = first_ending(lane.size(), time, end);
    for (std::size_t i = at == 0 ? 0 : at - 1; i < std::min(at + 1, lane.size()); ++i)
        consider({lane.row(i), lane.start(i), lane.end(i)});
    if (open)
        consider(*open);
    if (!nearest)
        return std::nullopt;
    if (nearest->distance(time) == 0 && (nearest->end - nearest->start) / 2 > slack)
        return nearest->row;

    // The worst that is marked.
    const auto mark_end = [&](std::size_t i) { return lane.end(lane.mark(i)); };
    const std::size_t first = first_ending(lane.marks(), from, mark_end);
    std::size_t last = first;
    for (std::size_t high = lane.marks(); last < high;) {
        const std::size_t middle = last + (high - last) / 2;
        if (lane.start(lane.mark(middle)) <= to)
            last = middle + 1;
        else
            high = middle;
    }
    RequestState worst = RequestState::refault;
    std::optional<Row> marked;
    if (first < last) {
        worst = lane.worst_mark(first, last);
        marked = lane.row(lane.mark(lane.first_mark(worst, first, last)));
    }
    if (open) {
        const RequestState state = store.state(open->row);
        if (state >= RequestState::was_delayed && state > worst)
            marked = open->row;
    }
    return marked ? marked : nearest->row;
}

} // namespace coldscope
