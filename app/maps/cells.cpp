#include "app/maps/cells.h"

#include "app/style/text.h"

#include <QCoreApplication>
#include <QStringList>
#include <algorithm>

namespace coldscope::app {

namespace {

// Calls visit(cell, bytes of the range in it) for each cell of the window that a range touches.
template <typename Visit>
void each_cell(const CellSpace& space, Range range, std::uint64_t first, std::size_t count,
               std::vector<Cell>& cells, Visit&& visit) {
    const Range window{first * space.cell_bytes,
                       std::min(space.size, (first + count) * space.cell_bytes)};
    range = {std::max(range.begin, window.begin), std::min(range.end, window.end)};
    while (range.begin < range.end) {
        const std::uint64_t cell = space.cell_of(range.begin);
        const std::uint64_t end = std::min(range.end, space.range(cell).end);
        visit(cells[static_cast<std::size_t>(cell - first)], end - range.begin);
        range.begin = end;
    }
}

void worsen(Cell& cell, Mark mark) {
    if (badness(mark) > badness(cell.mark))
        cell.mark = mark;
}

// The first range that ends behind an address.
template <typename Ranges>
auto first_ending_after(const Ranges& ranges, std::uint64_t address) {
    return std::ranges::upper_bound(ranges, address, {}, &Range::end);
}

} // namespace

int badness(Mark mark) {
    switch (mark) {
    case Mark::held:
        return 11;
    case Mark::failed:
        return 10;
    case Mark::delayed:
        return 9;
    case Mark::asked:
        return 8;
    case Mark::fetching:
        return 7;
    case Mark::filling:
        return 6;
    case Mark::cold:
        return 5;
    case Mark::unused:
        return 4;
    case Mark::prefetch:
        return 3;
    case Mark::amplified:
        return 2;
    case Mark::local:
        return 1;
    default:
        return 0;
    }
}

Range CellSpace::range(std::uint64_t cell) const {
    const std::uint64_t begin = cell * cell_bytes;
    return {begin, begin + std::min(cell_bytes, size - begin)};
}

std::vector<OpenRange> open_ranges(Workspace& workspace, std::uint16_t device) {
    std::vector<OpenRange> result;
    std::vector<DeviceRange> places;
    EventStore& store = workspace.host().store();
    for (const Row row : store.open_rows()) {
        if (store[row].op != Op::read || store[row].background())
            continue; // nobody waits for it: cold until it came
        places.clear();
        workspace.places_of(store[row], places);
        for (const DeviceRange& place : places) {
            if (place.device == device)
                result.push_back({place.range, mark_of(store.state(row))});
        }
    }
    return result;
}

QString origins_text(const Workspace& workspace, const DeviceRange& place) {
    const Origins& origins = workspace.residency().origins(place.device);
    QStringList parts;
    const auto add = [&](const RangeSet& set, const QString& text) {
        std::uint64_t bytes = 0;
        for (const Range& range : set.common(place.range))
            bytes += range.length();
        if (bytes != 0)
            parts.push_back(text.arg(size_text(bytes)));
    };
    add(origins.by(Origin::prefetch), QCoreApplication::translate("Maps", "%1 prefetched"));
    add(origins.by(Origin::amplified), QCoreApplication::translate("Maps", "%1 amplified"));
    add(origins.unused(), QCoreApplication::translate("Maps", "%1 never asked for"));
    return parts.join(QStringLiteral(", "));
}

DeviceState device_state(Workspace& workspace, const Touches& touches, std::span<const Range> used,
                         const DeviceRange& window) {
    DeviceState state;
    state.used = used;
    state.missing = workspace.residency().local(window.device).missing(window.range);
    state.failed = touches.failed(window.device).all();
    state.open = open_ranges(workspace, window.device);
    const Origins& origins = workspace.residency().origins(window.device);
    state.prefetched = origins.by(Origin::prefetch).common(window.range);
    state.amplified = origins.by(Origin::amplified).common(window.range);
    state.unused = origins.unused().common(window.range);
    return state;
}

void find_cells(const CellSpace& space, const DeviceState& state, std::uint64_t first,
                std::size_t count, std::vector<Cell>& cells) {
    const std::uint64_t total = space.count();
    count =
        first < total ? static_cast<std::size_t>(std::min<std::uint64_t>(count, total - first)) : 0;
    cells.assign(count, {});
    if (count == 0)
        return;
    const Range window{first * space.cell_bytes, space.range(first + count - 1).end};
    const auto visit_all = [&](Range range, auto&& visit) {
        each_cell(space, range, first, count, cells, visit);
    };
    for (std::size_t at = 0; at < count; ++at)
        cells[at].local = space.range(first + at).length();
    const auto begin_missing = first_ending_after(state.missing, window.begin);
    for (auto at = begin_missing; at != state.missing.end() && at->begin < window.end; ++at)
        visit_all(*at, [](Cell& cell, std::uint64_t bytes) { cell.local -= bytes; });
    auto missing = begin_missing;
    for (auto at = first_ending_after(state.used, window.begin);
         at != state.used.end() && at->begin < window.end; ++at) {
        visit_all(*at, [](Cell& cell, std::uint64_t bytes) { cell.used += bytes; });
        while (missing != state.missing.end() && missing->end <= at->begin)
            ++missing;
        for (auto both = missing; both != state.missing.end() && both->begin < at->end; ++both)
            visit_all({std::max(both->begin, at->begin), std::min(both->end, at->end)},
                      [](Cell& cell, std::uint64_t bytes) { cell.cold += bytes; });
    }
    for (Cell& cell : cells)
        cell.mark = cell.cold != 0                      ? Mark::cold
                    : cell.used != 0 || cell.local != 0 ? Mark::local
                                                        : Mark::hole;
    const auto worsen_all = [&](const std::vector<Range>& ranges, Mark mark) {
        for (const Range& range : ranges)
            visit_all(range, [mark](Cell& cell, std::uint64_t) { worsen(cell, mark); });
    };
    worsen_all(state.amplified, Mark::amplified);
    worsen_all(state.prefetched, Mark::prefetch);
    worsen_all(state.unused, Mark::unused);
    worsen_all(state.failed, Mark::failed);
    for (const OpenRange& open : state.open)
        visit_all(open.range, [&](Cell& cell, std::uint64_t) { worsen(cell, open.mark); });
}

} // namespace coldscope::app
