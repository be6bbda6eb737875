// Mouse, wheel, keys and menu of the blob map's cells.
#include "app/maps/blob_grid.h"
#include "app/steer/steering.h"
#include "app/style/marks.h"
#include "app/style/text.h"

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

namespace coldscope::app {

void BlobGrid::set_cursor(std::uint64_t cell, bool extend) {
    if (space_.count() == 0)
        return;
    cursor_ = std::min(cell, space_.count() - 1);
    if (!extend)
        anchor_ = cursor_;
    make_visible(cursor_);
    announce();
    viewport()->update();
}

void BlobGrid::choose() {
    if (space_.count() == 0)
        return;
    choosing_ = true;
    const DeviceRange range = chosen_cells();
    if (workspace_.selection().current().range == range &&
        workspace_.selection().current().by == Chosen::By::range)
        choosing_ = false;
    workspace_.choose_range(range);
}

bool BlobGrid::viewportEvent(QEvent* event) {
    switch (event->type()) {
    case QEvent::ToolTip: {
        const auto* help = static_cast<QHelpEvent*>(event);
        if (const auto cell = cell_at(help->pos()))
            QToolTip::showText(help->globalPos(), describe(*cell), viewport(),
                               rect_of(*cell).toAlignedRect());
        else
            QToolTip::hideText();
        return true;
    }
    case QEvent::Leave:
        hover_.reset();
        viewport()->update();
        break;
    default:
        break;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void BlobGrid::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    lay_out();
}

void BlobGrid::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange ||
        event->type() == QEvent::StyleChange)
        lay_out();
}

void BlobGrid::scrollContentsBy(int, int) {
    gate_.ask();
    // Cells and what is painted over them move in the same frame.
    if (isVisible())
        gate_.flush();
}

void BlobGrid::focusInEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusInEvent(event);
    viewport()->update();
}

void BlobGrid::focusOutEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusOutEvent(event);
    viewport()->update();
}

void BlobGrid::keyPressEvent(QKeyEvent* event) {
    const bool extend = event->modifiers().testFlag(Qt::ShiftModifier);
    const std::uint64_t count = space_.count();
    const QPointF middle = rect_of(cursor_).center();
    const auto back = [&](std::uint64_t by) {
        set_cursor(cursor_ < by ? 0 : cursor_ - by, extend);
    };
    const std::uint64_t page =
        std::max<std::uint64_t>(
            1, static_cast<std::uint64_t>(viewport()->height() * devicePixelRatioF() / side_)) *
        columns_;
    switch (event->key()) {
    case Qt::Key_Left:
        back(1);
        break;
    case Qt::Key_Right:
        set_cursor(cursor_ + 1, extend);
        break;
    case Qt::Key_Up:
        if (cursor_ >= columns_)
            back(columns_);
        break;
    case Qt::Key_Down:
        if (cursor_ + columns_ < count)
            set_cursor(cursor_ + columns_, extend);
        break;
    case Qt::Key_PageUp:
        back(page);
        break;
    case Qt::Key_PageDown:
        set_cursor(cursor_ + page, extend);
        break;
    case Qt::Key_Home:
        set_cursor(0, extend);
        break;
    case Qt::Key_End:
        set_cursor(count == 0 ? 0 : count - 1, extend);
        break;
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        set_zoom(zoom_ - 1, middle);
        break;
    case Qt::Key_Minus:
        set_zoom(zoom_ + 1, middle);
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
        if (event->matches(QKeySequence::Copy))
            QApplication::clipboard()->setText(range_text(chosen_cells().range));
        else
            QAbstractScrollArea::keyPressEvent(event);
        return;
    }
    event->accept();
}

void BlobGrid::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton && event->button() != Qt::MiddleButton)
        return;
    pressed_ = event->pos();
    pressed_scroll_ = scroll();
    panning_ = false;
}

void BlobGrid::mouseMoveEvent(QMouseEvent* event) {
    const auto cell = cell_at(event->position());
    if (cell != hover_) {
        hover_ = cell;
        viewport()->update();
    }
    if (!pressed_)
        return;
    const QPoint moved = event->pos() - *pressed_;
    if (!panning_ && moved.manhattanLength() >= QApplication::startDragDistance()) {
        panning_ = true;
        viewport()->setCursor(Qt::ClosedHandCursor);
    }
    if (panning_)
        verticalScrollBar()->setValue(pressed_scroll_ -
                                      static_cast<int>(moved.y() * devicePixelRatioF()));
}

void BlobGrid::mouseReleaseEvent(QMouseEvent* event) {
    const bool clicked = pressed_ && !panning_ && event->button() == Qt::LeftButton;
    pressed_.reset();
    panning_ = false;
    viewport()->unsetCursor();
    if (!clicked)
        return;
    if (const auto cell = cell_at(event->position())) {
        set_cursor(*cell, event->modifiers().testFlag(Qt::ShiftModifier));
        choose();
    }
}

void BlobGrid::wheelEvent(QWheelEvent* event) {
    const int turned = event->angleDelta().y();
    if (event->modifiers().testFlag(Qt::ShiftModifier) || turned == 0) {
        QAbstractScrollArea::wheelEvent(event);
        return;
    }
    set_zoom(zoom_ + (turned > 0 ? -1 : 1), event->position());
    event->accept();
}

void BlobGrid::contextMenuEvent(QContextMenuEvent* event) {
    if (space_.count() == 0)
        return;
    QPoint at = event->globalPos();
    if (event->reason() == QContextMenuEvent::Keyboard) {
        at = viewport()->mapToGlobal(rect_of(cursor_).bottomLeft().toPoint());
    } else {
        const auto cell = cell_at(viewport()->mapFromGlobal(at));
        if (!cell)
            return;
        if (*cell < std::min(cursor_, anchor_) || *cell > std::max(cursor_, anchor_))
            set_cursor(*cell);
    }
    open_menu(at);
}

void BlobGrid::open_menu(const QPoint& global) {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    const DeviceRange range = chosen_cells();
    Target target;
    target.range = range;
    if (const auto files = workspace_.files_at(range, 1); !files.nodes.empty())
        target.node = files.nodes.front();
    menu->addAction(tr("Choose this range"), this, &BlobGrid::choose);
    menu->addSeparator();
    add_steering(*menu, workspace_, target);
    menu->addSeparator();
    menu->addAction(icon("edit-copy"), tr("Copy the address range"), this, [range] {
        QApplication::clipboard()->setText(QStringLiteral("%1-%2").arg(
            offset_text(range.range.begin), offset_text(range.range.end)));
    });
    menu->addAction(tr("Copy the picture"), this,
                    [this] { QApplication::clipboard()->setImage(picture()); });
    menu->popup(global);
}

} // namespace coldscope::app
