#include "app/maps/chunk_columns.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace coldscope::app {

namespace {

class Fold {
public:
    Fold(const FileAxis& axis, std::vector<Column>& columns) : axis_(axis), columns_(columns) {}

    // visit(column, bytes of the range in it)
    template <typename Visit>
    void each(double begin, double end, Visit&& visit) {
        begin = std::max(begin, axis_.begin);
        end = std::min(end, axis_.end);
        if (begin >= end)
            return;
        const int last = axis_.width - 1;
        const int from = std::clamp(static_cast<int>(std::floor(axis_.column_of(begin))), 0, last);
        const int to =
            std::clamp(static_cast<int>(std::ceil(axis_.column_of(end))) - 1, from, last);
        for (int at = from; at <= to; ++at) {
            const double left = std::max(begin, axis_.offset_of(at));
            const double right = std::min(end, axis_.offset_of(at + 1));
            visit(columns_[static_cast<std::size_t>(at)], std::max(0.0, right - left));
        }
    }

private:
    const FileAxis& axis_;
    std::vector<Column>& columns_;
};

void worsen(Column& column, Mark mark) {
    column.any = true;
    if (badness(mark) > badness(column.mark))
        column.mark = mark;
}

// Walks ranges with what came before as a guess: extents mostly ascend on a device.
class Seeker {
public:
    explicit Seeker(const std::vector<Range>& ranges) : ranges_(ranges) {}
    std::size_t first_ending_after(std::uint64_t address) {
        const bool right = (at_ == ranges_.size() || ranges_[at_].end > address) &&
                           (at_ == 0 || ranges_[at_ - 1].end <= address);
        if (!right)
            at_ = static_cast<std::size_t>(
                std::ranges::upper_bound(ranges_, address, {}, &Range::end) - ranges_.begin());
        return at_;
    }

private:
    const std::vector<Range>& ranges_;
    std::size_t at_ = 0;
};

} // namespace

void find_columns(const std::vector<erofs::Extent>& extents, const StripInput& input,
                  const FileAxis& axis, std::vector<Column>& columns) {
    columns.assign(static_cast<std::size_t>(axis.width), {});
    Fold fold(axis, columns);
    Seeker missing(input.state.missing);
    const std::array marked{std::pair(&input.state.amplified, Mark::amplified),
                            std::pair(&input.state.prefetched, Mark::prefetch),
                            std::pair(&input.state.unused, Mark::unused),
                            std::pair(&input.state.failed, Mark::failed)};
    std::vector<Seeker> seekers;
    for (const auto& [ranges, mark] : marked)
        seekers.emplace_back(*ranges);
    const auto ends_after = [](double offset, const erofs::Extent& extent) {
        return offset < static_cast<double>(extent.offset + extent.length);
    };
    for (auto at = std::upper_bound(extents.begin(), extents.end(), axis.begin, ends_after);
         at != extents.end() && static_cast<double>(at->offset) < axis.end; ++at) {
        const double begin = static_cast<double>(at->offset);
        const double end = begin + static_cast<double>(at->length);
        if (at->kind == erofs::ExtentKind::hole) {
            fold.each(begin, end, [](Column& column, double) { worsen(column, Mark::hole); });
            continue;
        }
        if (at->device != input.device || !at->is_placed())
            continue;
        const Range place = at->stored();
        // The part of a range of the device that is in this extent, as file offsets.
        const auto each_part = [&](const Range& range, auto&& visit) {
            const Range both{std::max(range.begin, place.begin), std::min(range.end, place.end)};
            if (both.begin < both.end) {
                const Range part = at->read_from(both);
                fold.each(static_cast<double>(part.begin), static_cast<double>(part.end), visit);
            }
        };
        fold.each(begin, end, [](Column& column, double bytes) {
            worsen(column, Mark::local);
            const auto whole = static_cast<std::uint64_t>(bytes + 0.5);
            column.data += whole;
            column.local += whole;
        });
        for (std::size_t i = missing.first_ending_after(place.begin);
             i < input.state.missing.size() && input.state.missing[i].begin < place.end; ++i)
            each_part(input.state.missing[i], [](Column& column, double bytes) {
                worsen(column, Mark::cold);
                column.local -= std::min(column.local, static_cast<std::uint64_t>(bytes + 0.5));
            });
        for (std::size_t kind = 0; kind < marked.size(); ++kind) {
            const auto& [ranges, mark] = marked[kind];
            for (std::size_t i = seekers[kind].first_ending_after(place.begin);
                 i < ranges->size() && (*ranges)[i].begin < place.end; ++i)
                each_part((*ranges)[i],
                          [mark = mark](Column& column, double) { worsen(column, mark); });
        }
    }
    // Few are open: for each, the extents that it touches.
    for (const OpenRange& open : input.state.open) {
        for (auto at = std::upper_bound(extents.begin(), extents.end(), axis.begin, ends_after);
             at != extents.end() && static_cast<double>(at->offset) < axis.end; ++at) {
            if (!at->is_placed() || at->device != input.device)
                continue;
            const Range both{std::max(open.range.begin, at->stored().begin),
                             std::min(open.range.end, at->stored().end)};
            if (both.begin >= both.end)
                continue;
            const Range part = at->read_from(both);
            fold.each(static_cast<double>(part.begin), static_cast<double>(part.end),
                      [&](Column& column, double) { worsen(column, open.mark); });
        }
    }
}

} // namespace coldscope::app
