#include "app/timeline/timeline_picture.h"

#include "app/timeline/timeline_frame.h"

#include <QCoreApplication>
#include <QGuiApplication>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace coldscope::app {

namespace {
constexpr int most_side = 16'000; // logical pixels
} // namespace

QImage render_timeline(EventStore& store, const TimelineNames& names,
                       const PictureOptions& options) {
    const double ratio = std::clamp(options.ratio, 0.25, 8.0);
    LaneModel model(names);
    model.regroup(options.grouping, store);
    const QFont font = QGuiApplication::font();
    const LaneHeights heights = lane_heights(ratio);
    QSize size(std::clamp(options.size.width(), 1, most_side),
               std::clamp(options.size.height(), 0, most_side));
    TimelineFrame frame = frame_for(size, ratio, QFontMetrics(font), model);
    if (size.height() == 0) {
        const double lanes = static_cast<double>(model.rows().size()) * heights.pitch / ratio;
        size.setHeight(frame.ruler_height +
                       static_cast<int>(std::ceil(std::clamp(lanes + 1, 64.0, most_side - 100.0))));
        frame.size = size;
    }
    QImage picture(QSize(std::max(1, static_cast<int>(size.width() * ratio)),
                         std::max(1, static_cast<int>(size.height() * ratio))),
                   QImage::Format_RGB32);
    const Surface surface = surface_of(options.palette);
    picture.fill(surface.base);
    picture.setDevicePixelRatio(ratio);
    QPainter painter(&picture);
    painter.setFont(font);
    if (store.size() == 0) {
        painter.setPen(surface.faint);
        painter.drawText(QRect(QPoint(), size), Qt::AlignCenter,
                         QCoreApplication::translate("TimelinePicture", "No requests"));
        return picture;
    }
    const QSize pixels = frame.plot_pixels();
    const Nanoseconds origin = options.origin != 0 ? options.origin : store.earliest();
    const TimeScale scale = fitted(std::min(origin, store.earliest()), store.latest() + 1,
                                   static_cast<std::uint32_t>(pixels.width()));
    const auto ticks = ticks_of(scale, origin, QFontMetricsF(font), ratio);
    std::vector<std::int64_t> grid;
    for (const Tick& tick : ticks)
        grid.push_back(tick.column);
    const RowsSeen seen = rows_seen(model, heights, 0, pixels.height());
    QImage lanes(pixels, QImage::Format_RGB32);
    LanePainter().paint(lanes,
                        {store, model.lanes(), seen.rows, scale.axis(), store.latest(), seen.top,
                         heights, ratio, theme_of(options.palette), surface, grid, 0});
    painter.drawImage(QRectF(frame.plot().topLeft(), QSizeF(pixels) / ratio), lanes,
                      QRectF(lanes.rect()));
    paint_ruler(painter, frame.ruler(), ticks, surface, ratio);
    paint_labels(painter, frame, model, heights, 0, surface);
    return picture;
}

} // namespace coldscope::app
