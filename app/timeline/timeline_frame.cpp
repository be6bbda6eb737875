#include "app/timeline/timeline_frame.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

namespace coldscope::app {

namespace {
constexpr int least_label = 96; // logical pixels
constexpr int most_label = 240;
constexpr int label_margin = 8;
constexpr std::size_t measured = 200; // labels; more are not looked at
} // namespace

QSize TimelineFrame::plot_pixels() const {
    const QRect rect = plot();
    const auto pixels = [this](int logical) {
        return std::clamp(static_cast<int>(std::floor(logical * ratio)), 1, 1 << 15);
    };
    return {pixels(rect.width()), pixels(rect.height())};
}

TimelineFrame frame_for(QSize size, double ratio, const QFontMetrics& metrics,
                        const LaneModel& model) {
    TimelineFrame frame;
    frame.size = size;
    frame.ratio = ratio;
    frame.ruler_height = (metrics.height() + 8 + 3) / 4 * 4;
    int widest = least_label;
    // An advance is rounded, what is left out is not.
    for (std::size_t i = 0; i < std::min(model.groups().size(), measured); ++i)
        widest = std::max(widest, metrics.horizontalAdvance(model.groups()[i].label) + 1 +
                                      2 * label_margin);
    const int room = std::max(0, std::min(most_label, size.width() / 4));
    frame.label_width = std::min((widest + 3) / 4 * 4, room / 4 * 4);
    return frame;
}

RowsSeen rows_seen(const LaneModel& model, LaneHeights heights, int scroll, int height) {
    RowsSeen seen;
    const auto pitch = static_cast<std::size_t>(heights.pitch);
    const auto from = static_cast<std::size_t>(std::max(scroll, 0));
    seen.first = from / pitch;
    seen.top = -static_cast<int>(from % pitch);
    const std::size_t end = std::min(model.rows().size(),
                                     (from + static_cast<std::size_t>(height) + pitch - 1) / pitch);
    for (std::size_t row = seen.first; row < end; ++row) {
        const std::size_t group = model.group_of_row(row);
        seen.rows.push_back(
            {model.rows()[row], group % 2 == 1, model.groups()[group].first_row == row});
    }
    return seen;
}

void paint_labels(QPainter& painter, const TimelineFrame& frame, const LaneModel& model,
                  LaneHeights heights, int scroll, const Surface& surface) {
    const QRect area = frame.labels();
    if (area.isEmpty())
        return;
    painter.save();
    painter.setClipRect(area);
    const double pitch = heights.pitch / frame.ratio;
    const RowsSeen seen = rows_seen(model, heights, scroll, frame.plot_pixels().height());
    const QFontMetricsF metrics(painter.font());
    std::size_t row = seen.first;
    while (row < seen.first + seen.rows.size()) {
        const std::size_t at = model.group_of_row(row);
        const LaneModel::Group& group = model.groups()[at];
        const double top =
            area.top() + static_cast<double>(group.first_row) * pitch - scroll / frame.ratio;
        const double bottom = top + static_cast<double>(group.rows) * pitch;
        const QRectF box(area.left(), top, area.width(), bottom - top);
        painter.fillRect(box, at % 2 == 1 ? surface.alternate : surface.base);
        painter.fillRect(QRectF(box.left(), top, box.width(), 1 / frame.ratio), surface.grid);
        const double text_top = std::clamp(top, static_cast<double>(area.top()), bottom - pitch);
        painter.setPen(surface.text);
        const QRectF text(box.left() + label_margin, text_top, box.width() - 2 * label_margin,
                          pitch);
        painter.drawText(
            text, Qt::AlignLeft | Qt::AlignVCenter,
            metrics.elidedText(group.label, Qt::ElideMiddle, std::max(0.0, text.width())));
        row = group.first_row + group.rows;
    }
    const double end =
        area.top() + static_cast<double>(model.rows().size()) * pitch - scroll / frame.ratio;
    painter.fillRect(QRectF(area.left(), end, area.width(), 1 / frame.ratio), surface.grid);
    painter.fillRect(
        QRectF(area.right() + 1 - 1 / frame.ratio, area.top(), 1 / frame.ratio, area.height()),
        surface.grid);
    painter.restore();
}

} // namespace coldscope::app
