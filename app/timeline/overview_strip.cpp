#include "app/timeline/overview_strip.h"

#include "app/style/look.h"
#include "app/timeline/timeline_canvas.h"

#include <QCoreApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace coldscope::app {

namespace {
constexpr int strip_height = 40;  // logical pixels
constexpr double least_brush = 6; // as it is shown
constexpr double grip_width = 5;  // of an edge
} // namespace

OverviewStrip::OverviewStrip(Workspace& workspace, TimelineCanvas& canvas, QWidget* parent)
    : QWidget(parent), workspace_(workspace), canvas_(canvas) {
    setAccessibleName(tr("Overview"));
    setAccessibleDescription(tr("The whole run. The part that the timeline shows is marked: move "
                                "it with the arrow keys, widen it with minus."));
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setFixedHeight(strip_height);
    connect(&canvas, &TimelineCanvas::view_changed, this, qOverload<>(&QWidget::update));
    connect(&workspace.host(), &RunHost::advanced, this, &OverviewStrip::advance);
    connect(&workspace.host(), &RunHost::began, this, [this] {
        overview_ = {};
        grip_ = Grip::none;
        advance();
    });
}

QSize OverviewStrip::sizeHint() const {
    return {320, strip_height};
}

void OverviewStrip::advance() {
    stale_ = true;
    if (isVisible())
        update();
}

double OverviewStrip::x_of(Nanoseconds time) const {
    const TimeLimits all = canvas_.limits();
    const double from = time >= all.begin ? static_cast<double>(time - all.begin)
                                          : -static_cast<double>(all.begin - time);
    return from / static_cast<double>(all.length()) * width();
}

Nanoseconds OverviewStrip::time_at(double x) const {
    const TimeLimits all = canvas_.limits();
    const double share = std::clamp(x / std::max(1, width()), 0.0, 1.0);
    return all.begin + static_cast<Nanoseconds>(share * static_cast<double>(all.length()));
}

QRectF OverviewStrip::brush() const {
    double left = std::clamp<double>(x_of(canvas_.scale().begin), 0, width());
    double right = std::clamp<double>(x_of(canvas_.scale().end()), 0, width());
    if (right - left < least_brush) {
        const double more = (least_brush - (right - left)) / 2;
        left = std::max(0.0, left - more);
        right = std::min<double>(width(), left + least_brush);
    }
    return {left, 0, right - left, static_cast<double>(height())};
}

void OverviewStrip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const Surface surface = surface_of(palette());
    painter.fillRect(rect(), surface.base);
    EventStore& store = workspace_.host().store();
    if (store.size() != 0) {
        const double ratio = devicePixelRatioF();
        const auto columns = static_cast<std::uint32_t>(std::max(1.0, width() * ratio));
        const TimeLimits all = canvas_.limits();
        if (stale_ || cells_.size() != columns || all.end != cells_of_.end ||
            all.begin != cells_of_.begin) {
            overview_.update(store);
            overview_.query(store, TimeAxis(all.begin, all.end, columns), cells_);
            cells_of_ = all;
            stale_ = false;
        }
        std::uint64_t most = 1;
        for (const OverviewCell& cell : cells_)
            most = std::max(most, cell.count);
        // By the logarithm: one request is seen beside thousands.
        const double room = height() - 6.0;
        const double unit = room / std::log2(1.0 + static_cast<double>(most));
        const Theme theme = theme_of(palette());
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            if (cells_[i].count == 0)
                continue;
            const double bar =
                std::max(2.0, std::log2(1.0 + static_cast<double>(cells_[i].count)) * unit);
            painter.fillRect(
                QRectF(static_cast<double>(i) / ratio, height() - 1 - bar, 1 / ratio, bar),
                look(mark_of(cells_[i].worst), theme).fill);
        }
        // What is not shown steps back.
        QColor veil = surface.base;
        veil.setAlphaF(0.6F);
        const QRectF shown = brush();
        painter.fillRect(QRectF(0, 0, shown.left(), height()), veil);
        painter.fillRect(QRectF(shown.right(), 0, width() - shown.right(), height()), veil);
        painter.setPen(QPen(surface.faint, 1));
        painter.drawRect(shown.adjusted(0.5, 0.5, -0.5, -1.5));
        // Grips, so that one sees that the edges move.
        for (const double x : {shown.left(), shown.right() - 3})
            painter.fillRect(QRectF(x, height() / 2.0 - 8, 3, 16), surface.faint);
    }
    painter.fillRect(QRectF(0, height() - 1, width(), 1), surface.grid);
    if (hasFocus()) {
        painter.setPen(surface.selection);
        painter.drawRect(rect().adjusted(0, 0, -1, -1));
    }
}

void OverviewStrip::resizeEvent(QResizeEvent*) {
    stale_ = true;
}

void OverviewStrip::showEvent(QShowEvent*) {
    stale_ = true;
}

OverviewStrip::Grip OverviewStrip::grip_at(double x) const {
    const QRectF shown = brush();
    if (x < shown.left() - grip_width || x > shown.right() + grip_width)
        return Grip::none;
    // Of a narrow brush the inside can still be taken.
    const double inside = std::min(grip_width, shown.width() / 4);
    if (x < shown.left() + inside)
        return Grip::left;
    return x > shown.right() - inside ? Grip::right : Grip::all;
}

void OverviewStrip::centre_at(double x) {
    const TimeScale& scale = canvas_.scale();
    canvas_.pan(scale.column_of(time_at(x)) - static_cast<std::int64_t>(scale.width / 2));
}

void OverviewStrip::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton || workspace_.host().store().size() == 0)
        return;
    const double x = event->position().x();
    grip_ = grip_at(x);
    if (grip_ == Grip::none) {
        centre_at(x);
        grip_ = Grip::all;
    }
    pressed_ = {canvas_.scale().begin, canvas_.scale().end()};
    held_at_ = std::max(time_at(x), pressed_.begin) - pressed_.begin;
}

void OverviewStrip::mouseMoveEvent(QMouseEvent* event) {
    const double x = event->position().x();
    const Nanoseconds time = time_at(x);
    switch (grip_) {
    case Grip::none: {
        const Grip under = grip_at(x);
        setCursor(under == Grip::left || under == Grip::right ? Qt::SizeHorCursor
                  : under == Grip::all                        ? Qt::OpenHandCursor
                                                              : Qt::ArrowCursor);
        break;
    }
    case Grip::left:
        canvas_.show_span(std::min(time, pressed_.end - 1), pressed_.end);
        break;
    case Grip::right:
        canvas_.show_span(pressed_.begin, std::max(time, pressed_.begin + 1));
        break;
    case Grip::all:
        canvas_.pan(canvas_.scale().column_of(time - std::min(time, held_at_)));
        break;
    }
}

void OverviewStrip::mouseReleaseEvent(QMouseEvent*) {
    grip_ = Grip::none;
}

void OverviewStrip::wheelEvent(QWheelEvent* event) {
    event->accept();
    canvas_.zoom(std::pow(0.7, event->angleDelta().y() / 120.0));
}

void OverviewStrip::keyPressEvent(QKeyEvent* event) {
    const auto page = static_cast<std::int64_t>(canvas_.scale().width);
    if (event->modifiers() == Qt::NoModifier && event->key() == Qt::Key_Left)
        canvas_.pan(-std::max<std::int64_t>(1, page / 8));
    else if (event->modifiers() == Qt::NoModifier && event->key() == Qt::Key_Right)
        canvas_.pan(std::max<std::int64_t>(1, page / 8));
    else
        QCoreApplication::sendEvent(&canvas_, event);
}

} // namespace coldscope::app
