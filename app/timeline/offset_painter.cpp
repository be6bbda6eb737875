#include "app/timeline/offset_painter.h"

#include "app/timeline/lane_model.h"
#include "app/timeline/time_scale.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace coldscope::app {

namespace {

constexpr std::size_t most_hit_tests = 4096; // requests of a lane
constexpr std::size_t most_marks = 50'000;   // of a lane

template <typename Before>
std::size_t first_not(std::size_t count, const Before& before) {
    std::size_t low = 0;
    while (low < count) {
        const std::size_t middle = low + (count - low) / 2;
        if (before(middle))
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

} // namespace

OffsetRows rows_of(std::uint64_t offset, std::uint64_t length, std::uint64_t size, int height) {
    const double unit = static_cast<double>(height) / static_cast<double>(std::max(size, 1UL));
    const double last = static_cast<double>(offset) + static_cast<double>(length);
    const auto row = [&](double byte) {
        return std::clamp(height - static_cast<int>(std::min(byte * unit, height * 1.0)), 0,
                          height);
    };
    const int bottom = std::max(row(static_cast<double>(offset)), 1);
    return {std::min(row(last), bottom - 1), bottom};
}

void OffsetPainter::put(QImage& image, const OffsetScene& scene, Row request, std::uint32_t left,
                        std::uint32_t right, int least) {
    const RequestRow& row = scene.store[request];
    if (row.object != scene.object)
        return;
    const Look& what = look(mark_of(scene.store.state(request)), scene.theme);
    const QRgb colour = (what.pattern == Pattern::hollow ? what.outline : what.fill).rgb();
    OffsetRows rows = rows_of(row.offset, row.length, scene.size, image.height());
    if (rows.bottom - rows.top < least)
        rows.top = std::max(0, rows.bottom - least);
    right = std::min(std::max(right, left + static_cast<std::uint32_t>(least)),
                     static_cast<std::uint32_t>(image.width()));
    for (int y = rows.top; y < rows.bottom; ++y) {
        auto* pixels = reinterpret_cast<QRgb*>(image.scanLine(y));
        std::fill(pixels + left, pixels + right, colour);
    }
}

void OffsetPainter::paint(QImage& image, const OffsetScene& scene) {
    std::vector<QRgb> ground(scene.axis.width(), scene.surface.base.rgb());
    for (const std::int64_t column : scene.grid) {
        if (column >= 0 && column < scene.axis.width())
            ground[static_cast<std::size_t>(column)] = scene.surface.grid.rgb();
    }
    for (int y = 0; y < image.height(); ++y)
        std::memcpy(image.scanLine(y), ground.data(), ground.size() * sizeof(QRgb));
    folds_.clear();
    const int thin = device(2, scene.ratio);
    for (const Lanes::LaneId id : scene.shown) {
        const Lane& lane = scene.lanes.lane(id);
        spans_.clear();
        find_visible(lane, scene.store, scene.axis, scene.now, spans_);
        for (const VisibleSpan& span : spans_) {
            if (!span.folded)
                put(image, scene, span.row, span.left, span.right, thin);
            else if (const auto at = position_in(lane, scene.store, span.row))
                folds_.push_back({id, *at, span.count});
        }
    }
    paint_folded(image, scene);
    for (const Lanes::LaneId id : scene.shown)
        paint_marks(image, scene, scene.lanes.lane(id));
}

void OffsetPainter::paint_folded(QImage& image, const OffsetScene& scene) {
    std::size_t count = 0;
    for (const Fold& fold : folds_)
        count += fold.count;
    every_ = std::max<std::size_t>(1, (count + most_folded - 1) / most_folded);
    const int thin = device(2, scene.ratio);
    std::size_t skip = 0;
    for (const Fold& fold : folds_) {
        const Lane& lane = scene.lanes.lane(fold.lane);
        std::size_t i = skip;
        for (; i < fold.count && fold.at + i < lane.size(); i += every_) {
            const std::uint32_t column = scene.axis.column_of(lane.start(fold.at + i));
            put(image, scene, lane.row(fold.at + i), column, column + 1, thin);
        }
        skip = i - std::min<std::size_t>(i, fold.count);
    }
}

void OffsetPainter::paint_marks(QImage& image, const OffsetScene& scene, const Lane& lane) {
    const int thick = device(3, scene.ratio);
    const std::size_t first = first_not(
        lane.marks(), [&](std::size_t i) { return lane.end(lane.mark(i)) < scene.axis.begin(); });
    const std::size_t last = first_not(
        lane.marks(), [&](std::size_t i) { return lane.start(lane.mark(i)) < scene.axis.end(); });
    const std::size_t step = last > first ? (last - first) / most_marks + 1 : 1;
    for (std::size_t i = first; i < last; i += step) {
        const std::size_t at = lane.mark(i);
        put(image, scene, lane.row(at), scene.axis.column_of(lane.start(at)),
            scene.axis.column_of(lane.end(at)) + 1, thick);
    }
    if (!lane.open() || lane.open()->start >= scene.axis.end())
        return;
    const Nanoseconds end = std::max(scene.now, lane.open()->start);
    if (end >= scene.axis.begin())
        put(image, scene, lane.open()->row, scene.axis.column_of(lane.open()->start),
            scene.axis.column_of(end) + 1, thick);
}

std::optional<Row> offset_hit_test(const OffsetScene& scene, Nanoseconds time, Nanoseconds slack,
                                   std::uint64_t byte, std::uint64_t byte_slack) {
    std::optional<Row> best;
    std::uint64_t best_distance = byte_slack;
    const auto consider = [&](Row request) {
        const RequestRow& row = scene.store[request];
        if (row.object != scene.object)
            return;
        const std::uint64_t end = row.offset + row.length;
        const std::uint64_t distance = byte < row.offset ? row.offset - byte
                                       : byte >= end     ? byte - end
                                                         : 0;
        if (distance <= best_distance && (distance < best_distance || !best)) {
            best = request;
            best_distance = distance;
        }
    };
    const Nanoseconds from = time - std::min(time, slack);
    for (const Lanes::LaneId id : scene.shown) {
        const Lane& lane = scene.lanes.lane(id);
        const std::size_t first =
            first_not(lane.size(), [&](std::size_t i) { return lane.end(i) < from; });
        for (std::size_t i = first; i < std::min(lane.size(), first + most_hit_tests); ++i) {
            if (lane.start(i) > time + slack)
                break;
            consider(lane.row(i));
        }
        if (lane.open() && lane.open()->start <= time + slack && scene.now >= from)
            consider(lane.open()->row);
    }
    return best;
}

} // namespace coldscope::app
