// What of a lane is to be drawn in a window of time, and which request is under a pointer. The cost
// grows with the width in columns, times the log of the lane; not with the recording.
#pragma once

#include "core/request/lanes.h"
#include "core/request/time_axis.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace coldscope {

// Columns [left, right) of one request; or of `count` that were folded, each shorter than two
// columns, with no empty column between them. `worst` is the worst state of those that touch a
// column, the same all over the span. Every folded request counts in one span. Where spans of two
// states meet, the better one counts those up to the nearest that is worse than itself, though they
// may lie in the worse one's column.
struct VisibleSpan {
    std::uint32_t left = 0;
    std::uint32_t right = 0; // > left
    std::uint32_t count = 0;
    Row row = 0; // the first of them
    RequestState worst = RequestState::refault;
    bool folded = false;
    bool open = false;

    bool operator==(const VisibleSpan&) const = default;
};

// Appends the spans of a lane, from left to right. A request is visible when it starts before the
// window's end and does not end before its begin. One of two columns or longer has a span of its
// own. Folded spans share no column, so that at most three touch one: a request that reaches in, a
// fold, a request that reaches out; and, last of all, the open request, which reaches to `now` and
// is never folded.
void find_visible(const Lane& lane, const EventStore& store, const TimeAxis& axis, Nanoseconds now,
                  std::vector<VisibleSpan>& spans);

// The same of those alone that are or were held or delayed, failed or are lost: what is drawn over
// the spans, so that no fold hides it.
void find_marks(const Lane& lane, const EventStore& store, const TimeAxis& axis, Nanoseconds now,
                std::vector<VisibleSpan>& spans);

// The request at a time, or within `slack` ns of it (half of what a column or a finger covers):
// the one at that very time if it is longer than the slack on both sides; else the worst that is or
// was held, delayed, failed or lost, the earliest of equals; else the one at that time; else the
// nearest, the earlier of two. O(log requests).
[[nodiscard]] std::optional<Row> hit_test(const Lane& lane, const EventStore& store,
                                          Nanoseconds time, Nanoseconds slack, Nanoseconds now);

} // namespace coldscope
