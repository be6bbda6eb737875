// Mouse, wheel, keys and menu of the chunk map's strips.
#include "app/maps/chunk_strip.h"
#include "app/steer/steering.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QScrollBar>
#include <QToolTip>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

namespace coldscope::app {

namespace {
constexpr double zoom_step = 1.25;
} // namespace

void ChunkStrip::set_cursor(std::uint64_t offset) {
    if (size_ == 0)
        return;
    cursor_ = std::min(offset, size_ - 1);
    const Range cell = cell_at(cursor_);
    const double span = end_ - begin_;
    if (static_cast<double>(cell.begin) < begin_)
        set_window(static_cast<double>(cell.begin), static_cast<double>(cell.begin) + span);
    else if (static_cast<double>(cell.begin) >= end_)
        set_window(static_cast<double>(cell.end) - span, static_cast<double>(cell.end));
    setAccessibleDescription(describe(cursor_));
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
    viewport()->update();
}

void ChunkStrip::choose() {
    if (size_ == 0)
        return;
    if (const auto place = place_of(cell_at(cursor_)))
        choose_place(*place);
}

// Bytes may be shared with other files: this one stays chosen.
void ChunkStrip::choose_place(const DeviceRange& place) {
    Chosen chosen;
    chosen.by = Chosen::By::range;
    chosen.node = node_;
    chosen.range = place;
    chosen.view = workspace_.selection().current().view;
    workspace_.selection().choose(chosen);
}

const ChunkStrip::LaneMark* ChunkStrip::request_at(const QPointF& point) const {
    const QRectF box = lanes_rect();
    if (!box.contains(point))
        return nullptr;
    const auto lane = static_cast<int>((point.y() - box.top()) / lane_step);
    const auto column =
        static_cast<int>(std::floor((point.x() - box.left()) * devicePixelRatioF()));
    const auto found = std::ranges::find_if(marks_, [&](const LaneMark& mark) {
        return mark.lane == lane && column >= mark.left - 1 && column <= mark.right;
    });
    return found == marks_.end() ? nullptr : &*found;
}

bool ChunkStrip::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        if (const LaneMark* mark = request_at(help->pos()))
            QToolTip::showText(help->globalPos(), describe(*mark), viewport());
        else if (const auto offset = offset_at(help->pos());
                 offset && help->pos().y() < lanes_rect().top())
            QToolTip::showText(help->globalPos(), describe(*offset), viewport());
        else
            QToolTip::hideText();
        return true;
    }
    if (event->type() == QEvent::Leave) {
        hover_.reset();
        viewport()->update();
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void ChunkStrip::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    show_scroll_bar();
    gate_.ask();
}

void ChunkStrip::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange ||
        event->type() == QEvent::StyleChange)
        gate_.ask();
}

void ChunkStrip::scrollContentsBy(int, int) {
    if (scrolling_)
        return;
    const double size = std::max(1.0, static_cast<double>(size_));
    const double span = end_ - begin_;
    begin_ = std::clamp(horizontalScrollBar()->value() / static_cast<double>(1 << 20) * size, 0.0,
                        size - span);
    end_ = begin_ + span;
    gate_.ask();
    Q_EMIT window_changed();
}

void ChunkStrip::focusInEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusInEvent(event);
    viewport()->update();
}

void ChunkStrip::focusOutEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusOutEvent(event);
    viewport()->update();
}

void ChunkStrip::zoom(double factor, double at) {
    const double share = std::clamp((at - left()) / width(), 0.0, 1.0);
    const double fixed = begin_ + (end_ - begin_) * share;
    const double span =
        std::clamp((end_ - begin_) / factor, least_span(), static_cast<double>(size_));
    set_window(fixed - span * share, fixed - span * share + span);
}

void ChunkStrip::keyPressEvent(QKeyEvent* event) {
    const FileAxis at = axis();
    // A cell, or where cells are too narrow to be seen, what eight pixels cover.
    const auto pixels = static_cast<std::uint64_t>(at.per_column() * devicePixelRatioF() * 8);
    const std::uint64_t step = std::max(cell_, pixels / cell_ * cell_);
    const double middle =
        left() + at.column_of(static_cast<double>(cell_at(cursor_).begin)) / devicePixelRatioF();
    const auto page = static_cast<std::uint64_t>(end_ - begin_);
    switch (event->key()) {
    case Qt::Key_Left:
        set_cursor(cursor_ < step ? 0 : cursor_ - step);
        break;
    case Qt::Key_Right:
        set_cursor(cursor_ + step);
        break;
    case Qt::Key_PageUp:
        set_cursor(cursor_ < page ? 0 : cursor_ - page);
        break;
    case Qt::Key_PageDown:
        set_cursor(cursor_ + page);
        break;
    case Qt::Key_Home:
        set_cursor(0);
        break;
    case Qt::Key_End:
        set_cursor(size_ == 0 ? 0 : size_ - 1);
        break;
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        zoom(2, middle);
        break;
    case Qt::Key_Minus:
        zoom(0.5, middle);
        break;
    case Qt::Key_0:
        fit();
        break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Space:
        choose();
        break;
    default:
        if (event->matches(QKeySequence::Copy) && size_ != 0)
            QApplication::clipboard()->setText(range_text(cell_at(cursor_)));
        else
            QAbstractScrollArea::keyPressEvent(event);
        return;
    }
    event->accept();
}

void ChunkStrip::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton && event->button() != Qt::MiddleButton)
        return;
    pressed_ = event->pos();
    pressed_begin_ = begin_;
    panning_ = false;
}

void ChunkStrip::mouseMoveEvent(QMouseEvent* event) {
    hover_ = offset_at(event->position()) ? std::optional(event->position().x()) : std::nullopt;
    viewport()->update();
    if (!pressed_)
        return;
    const QPoint moved = event->pos() - *pressed_;
    if (!panning_ && std::abs(moved.x()) >= QApplication::startDragDistance()) {
        panning_ = true;
        viewport()->setCursor(Qt::ClosedHandCursor);
    }
    if (panning_) {
        const double begin = pressed_begin_ - moved.x() * axis().per_column() * devicePixelRatioF();
        set_window(begin, begin + (end_ - begin_));
    }
}

void ChunkStrip::mouseReleaseEvent(QMouseEvent* event) {
    const bool clicked = pressed_ && !panning_ && event->button() == Qt::LeftButton;
    pressed_.reset();
    panning_ = false;
    viewport()->unsetCursor();
    if (!clicked)
        return;
    if (const LaneMark* mark = request_at(event->position())) {
        workspace_.choose_request(mark->row);
    } else if (const auto offset = offset_at(event->position());
               offset && event->position().y() < lanes_rect().top()) {
        set_cursor(*offset);
        choose();
    }
}

void ChunkStrip::wheelEvent(QWheelEvent* event) {
    const QPoint turned = event->angleDelta();
    if (event->modifiers().testFlag(Qt::ShiftModifier) || turned.y() == 0) {
        const double by = (turned.x() != 0 ? turned.x() : turned.y()) / 120.0;
        const double span = end_ - begin_;
        set_window(begin_ - by * span / 10, begin_ - by * span / 10 + span);
    } else {
        zoom(std::pow(zoom_step, turned.y() / 120.0), event->position().x());
    }
    event->accept();
}

void ChunkStrip::contextMenuEvent(QContextMenuEvent* event) {
    if (size_ == 0)
        return;
    QPoint at = event->globalPos();
    const LaneMark* mark = nullptr;
    if (event->reason() == QContextMenuEvent::Keyboard) {
        const double x = axis().column_of(static_cast<double>(cursor_)) / devicePixelRatioF();
        at = viewport()->mapToGlobal(
            QPoint(static_cast<int>(left() + x), static_cast<int>(strip_rect(0).bottom())));
    } else {
        const QPoint local = viewport()->mapFromGlobal(at);
        mark = request_at(local);
        if (const auto offset = offset_at(local); offset && mark == nullptr)
            set_cursor(*offset);
    }
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    Target target;
    if (mark != nullptr && mark->folded <= 1) {
        const Row row = mark->row;
        target = target_of(workspace_, {row});
        menu->addAction(tr("Choose this request"), this,
                        [this, row] { workspace_.choose_request(row); });
    } else {
        target.range = place_of(cell_at(cursor_));
        menu->addAction(tr("Choose this range"), this, &ChunkStrip::choose);
    }
    target.node = node_;
    menu->addSeparator();
    add_steering(*menu, workspace_, target);
    menu->addSeparator();
    if (target.range) {
        const DeviceRange place = *target.range;
        menu->addAction(icon("edit-copy"), tr("Copy the address range"), this, [place] {
            QApplication::clipboard()->setText(QStringLiteral("%1-%2").arg(
                offset_text(place.range.begin), offset_text(place.range.end)));
        });
    }
    const Range cell = cell_at(cursor_);
    menu->addAction(tr("Copy the range in the file"), this, [cell] {
        QApplication::clipboard()->setText(
            QStringLiteral("%1-%2").arg(offset_text(cell.begin), offset_text(cell.end)));
    });
    menu->addAction(tr("Copy the picture"), this,
                    [this] { QApplication::clipboard()->setImage(picture()); });
    menu->popup(at);
}

} // namespace coldscope::app
