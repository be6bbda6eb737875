// Keys, mouse and menu of the hex view.
#include "app/detail/hex_view.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QScrollBar>
#include <algorithm>

namespace coldscope::app {

void HexView::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    lay_out();
}

void HexView::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::FontChange || event->type() == QEvent::PaletteChange)
        lay_out();
}

void HexView::focusInEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusInEvent(event);
    viewport()->update();
}

void HexView::focusOutEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusOutEvent(event);
    viewport()->update();
}

void HexView::go_to(std::uint64_t offset, bool extend) {
    if (range_.length() == 0)
        return;
    if (extend && !anchor_)
        anchor_ = cursor_;
    cursor_ = std::clamp(offset, range_.begin, range_.end - 1);
    if (!extend)
        anchor_.reset();
    const QRectF rect = byte_rect(cursor_);
    QScrollBar* bar = verticalScrollBar();
    if (rect.top() < 0)
        bar->setValue(bar->value() + static_cast<int>(rect.top() / metrics_.line - 0.5));
    else if (rect.bottom() > viewport()->height())
        bar->setValue(bar->value() +
                      static_cast<int>((rect.bottom() - viewport()->height()) / metrics_.line + 1));
    if (const auto byte = byte_at(cursor_))
        setAccessibleDescription(
            tr("byte %1: %2%3")
                .arg(offset_text(cursor_))
                .arg(*byte, 2, 16, QLatin1Char('0'))
                .arg(field_at(cursor_) == nullptr
                         ? QString()
                         : tr(", %1: %2").arg(field_at(cursor_)->name, field_at(cursor_)->value)));
    Q_EMIT byte_chosen(cursor_);
    QAccessibleEvent told(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&told);
    viewport()->update();
}

void HexView::copy() {
    if (!anchor_)
        select(cursor_, cursor_);
    if (const QString text = selected_text(); !text.isEmpty())
        QApplication::clipboard()->setText(text);
}

void HexView::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy)) {
        copy();
        return;
    }
    if (range_.length() == 0) {
        QAbstractScrollArea::keyPressEvent(event);
        return;
    }
    if (event->matches(QKeySequence::SelectAll)) {
        select(range_.begin, range_.end - 1);
        return;
    }
    const bool extend = event->modifiers().testFlag(Qt::ShiftModifier);
    const bool far = event->modifiers().testFlag(Qt::ControlModifier);
    const auto row = static_cast<std::uint64_t>(per_row_);
    const std::uint64_t screen = row * static_cast<std::uint64_t>(verticalScrollBar()->pageStep());
    const auto back = [&](std::uint64_t by) {
        go_to(cursor_ - range_.begin < by ? range_.begin : cursor_ - by, extend);
    };
    const auto on = [&](std::uint64_t by) {
        go_to(range_.end - cursor_ <= by ? range_.end - 1 : cursor_ + by, extend);
    };
    const std::uint64_t line = cursor_ - cursor_ % row;
    switch (event->key()) {
    case Qt::Key_Left:
        back(1);
        break;
    case Qt::Key_Right:
        on(1);
        break;
    case Qt::Key_Up:
        back(row);
        break;
    case Qt::Key_Down:
        on(row);
        break;
    case Qt::Key_PageUp:
        back(screen);
        break;
    case Qt::Key_PageDown:
        on(screen);
        break;
    case Qt::Key_Home:
        go_to(far ? range_.begin : line, extend);
        break;
    case Qt::Key_End:
        go_to(far ? range_.end - 1 : line + row - 1, extend);
        break;
    default:
        QAbstractScrollArea::keyPressEvent(event);
        return;
    }
    event->accept();
}

void HexView::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton)
        return;
    if (const auto offset = offset_at(event->position())) {
        if (event->modifiers().testFlag(Qt::ShiftModifier))
            go_to(*offset, true);
        else
            select(*offset, *offset);
        Q_EMIT byte_chosen(*offset);
    }
}

void HexView::mouseMoveEvent(QMouseEvent* event) {
    if (!event->buttons().testFlag(Qt::LeftButton) || range_.length() == 0)
        return;
    const QPointF point(event->position().x(), std::max(0.0, event->position().y()));
    if (event->position().y() < 0)
        verticalScrollBar()->setValue(verticalScrollBar()->value() - 1);
    else if (event->position().y() > viewport()->height())
        verticalScrollBar()->setValue(verticalScrollBar()->value() + 1);
    if (const auto offset = offset_at(point))
        go_to(*offset, true);
}

void HexView::contextMenuEvent(QContextMenuEvent* event) {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    QAction* act = menu->addAction(icon("edit-copy"), tr("Copy as hex"), this, &HexView::copy);
    act->setEnabled(selected().length() != 0);
    menu->addAction(tr("Select all"), this, [this] {
        if (range_.length() != 0)
            select(range_.begin, range_.end - 1);
    });
    menu->popup(event->globalPos());
}

} // namespace coldscope::app
