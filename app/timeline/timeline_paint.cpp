// What the canvas paints: lanes from an image that is kept, and over it what changes by itself.
#include "app/style/text.h"
#include "app/timeline/timeline_canvas.h"

#include <QPainter>

namespace coldscope::app {

namespace {
constexpr std::int64_t image_margin = 256; // columns that a pan finds painted
} // namespace

void TimelineCanvas::ensure_image() {
    const QSize pixels = frame_.plot_pixels();
    if (image_good_ && image_scale_.step == scale_.step && image_scroll_ == scroll() &&
        image_.height() == pixels.height()) {
        const std::int64_t column = image_scale_.column_of(scale_.begin);
        if (column >= 0 && image_scale_.time_at(column) == scale_.begin &&
            column + pixels.width() <= image_.width())
            return;
    }
    // While it moves by itself all is painted anew for each frame, and nobody pans.
    const std::int64_t margin = following_ ? 0 : image_margin;
    const std::int64_t before =
        std::min(margin, static_cast<std::int64_t>(scale_.begin / scale_.step));
    image_scale_ = panned(scale_, -before);
    image_scale_.width = static_cast<std::uint32_t>(pixels.width() + before + margin);
    image_scroll_ = scroll();
    const QSize size(static_cast<int>(image_scale_.width), pixels.height());
    if (image_.size() != size)
        image_ = QImage(size, QImage::Format_RGB32);
    const Nanoseconds first = std::min(origin(), workspace_.host().store().earliest());
    ticks_ = ticks_of(image_scale_, origin(), QFontMetricsF(font()), frame_.ratio, first);
    std::vector<std::int64_t> grid;
    for (const Tick& tick : ticks_)
        grid.push_back(tick.column);
    drawn_now_ = now();
    if (mode_ == Mode::offset) {
        const std::vector<Lanes::LaneId> lanes = lanes_of_object();
        OffsetScene scene = offset_scene(image_scale_, lanes);
        scene.grid = grid;
        offset_painter_.paint(image_, scene);
    } else {
        const RowsSeen seen = rows_seen(model_, heights_, scroll(), pixels.height());
        painter_.paint(image_,
                       {workspace_.host().store(), model_.lanes(), seen.rows, image_scale_.axis(),
                        drawn_now_, seen.top, heights_, frame_.ratio, theme_of(palette()),
                        surface_of(palette()), grid,
                        static_cast<std::uint32_t>(image_scale_.begin / image_scale_.step)});
    }
    image_good_ = true;
}

void TimelineCanvas::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    const Surface surface = surface_of(palette());
    if (workspace_.host().store().size() == 0) {
        painter.fillRect(viewport()->rect(), surface.base);
        paint_empty(painter);
        return;
    }
    ensure_image();
    const QRect plot = frame_.plot();
    const QSize pixels = frame_.plot_pixels();
    const auto left = static_cast<int>(image_scale_.column_of(scale_.begin));
    painter.fillRect(QRect(0, 0, frame_.size.width(), frame_.ruler_height), surface.base);
    painter.fillRect(frame_.labels(), surface.base);
    painter.drawImage(QRectF(plot.left(), plot.top(), pixels.width() / frame_.ratio,
                             pixels.height() / frame_.ratio),
                      image_, QRectF(left, 0, pixels.width(), pixels.height()));
    // The ruler's lines are the grid's.
    std::vector<Tick> ticks = ticks_;
    for (Tick& tick : ticks)
        tick.column -= left;
    paint_ruler(painter, frame_.ruler(), ticks, surface, frame_.ratio);
    if (mode_ == Mode::offset) {
        paint_offset_labels(painter);
        painter.setClipRect(plot);
    } else {
        paint_labels(painter, frame_, model_, heights_, scroll(), surface);
        painter.setClipRect(plot);
        paint_waiting(painter);
    }
    paint_overlay(painter);
}

void TimelineCanvas::paint_empty(QPainter& painter) {
    painter.setPen(surface_of(palette()).faint);
    painter.drawText(viewport()->rect().adjusted(16, 0, -16, 0), Qt::AlignCenter | Qt::TextWordWrap,
                     tr("No requests yet. Start a run, and each cold read appears here as it "
                        "happens."));
}

// A held request counts up where it is seen.
void TimelineCanvas::paint_waiting(QPainter& painter) {
    const EventStore& store = workspace_.host().store();
    const QRect plot = frame_.plot();
    const auto shift = static_cast<int>(image_scale_.column_of(scale_.begin));
    const Theme theme = theme_of(palette());
    QFont font = painter.font();
    font.setBold(true);
    const QFontMetricsF metrics(font);
    painter.setFont(font);
    for (const WaitingBox& waiting : painter_.waiting()) {
        const RequestRow& row = store[waiting.row];
        const Look& what = look(mark_of(waiting.state), theme);
        const Steering steering = store.steering(row);
        const Nanoseconds since =
            waiting.state == RequestState::held ? steering.held : steering.delayed;
        const QString time = duration_text(drawn_now_ - std::min(drawn_now_, since));
        const QString text =
            what.glyph.isNull() ? time : QString(what.glyph) + QChar(0x2009) + time;
        const double left = std::max(0.0, (waiting.box.left() - shift) / frame_.ratio);
        const double right =
            std::min<double>(plot.width(), (waiting.box.right() + 1 - shift) / frame_.ratio);
        const double width = metrics.horizontalAdvance(text) + 6;
        if (right - left < width + 2)
            continue;
        const QRectF box(plot.left() + left + 1, plot.top() + waiting.box.top() / frame_.ratio + 1,
                         width, waiting.box.height() / frame_.ratio - 2);
        painter.fillRect(box, what.fill);
        painter.setPen(ink_on(what.fill));
        painter.drawText(box, Qt::AlignCenter, text);
    }
}

void TimelineCanvas::paint_overlay(QPainter& painter) {
    const Surface surface = surface_of(palette());
    if (chosen_) {
        if (const auto rect = rect_of(*chosen_)) {
            painter.setBrush(Qt::NoBrush);
            painter.setPen(QPen(surface.text, 2));
            QRectF box = rect->adjusted(-2, -2, 2, 2);
            if (box.width() < 7)
                box.adjust(-(7 - box.width()) / 2, 0, (7 - box.width()) / 2, 0);
            painter.drawRect(box);
        }
    }
    if (drag_ == Drag::spanning) {
        const QRect plot = frame_.plot();
        QColor fill = surface.selection;
        fill.setAlphaF(0.25F);
        const int left = std::min(pressed_at_.x(), pointer_.x());
        const QRect span(left, plot.top(), std::abs(pointer_.x() - pressed_at_.x()), plot.height());
        painter.fillRect(span, fill);
        painter.setPen(surface.selection);
        painter.drawRect(span);
    }
    if (hasFocus()) {
        painter.setClipping(false);
        painter.setPen(surface.selection);
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(viewport()->rect().adjusted(0, 0, -1, -1));
    }
}

} // namespace coldscope::app
