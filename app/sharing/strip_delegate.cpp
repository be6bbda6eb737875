#include "app/sharing/strip_delegate.h"

#include "app/sharing/sharing_text.h"
#include "app/sharing/strip_columns.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QAbstractItemView>
#include <QApplication>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

namespace coldscope::app {

namespace {

// Logical pixels.
constexpr int margin_across = 6;
constexpr int margin_up = 4;
constexpr double lane = 3; // what is in memory
constexpr double lane_gap = 1;
constexpr int least_height = 26;
constexpr double absent_opacity = 0.38;

} // namespace

void draw_shared(QPainter& painter, const QRectF& rect, sharing::Mark mark,
                 sharing::Presence residency, const QPalette& palette) {
    const Surface surface = surface_of(palette);
    const QRectF box = rect.adjusted(0, 0, 0, -lane - lane_gap);
    const QRectF below(rect.left(), rect.bottom() - lane, rect.width(), lane);
    painter.save();
    if (residency == sharing::Presence::absent)
        painter.setOpacity(painter.opacity() * absent_opacity);
    draw_mark(painter, box, mark_of(mark), theme_of(palette));
    painter.restore();
    switch (residency) {
    case sharing::Presence::resident:
        painter.fillRect(below, surface.text);
        return;
    case sharing::Presence::absent:
        painter.fillRect(QRectF(below.left(), below.bottom() - 1, below.width(), 1), surface.grid);
        return;
    case sharing::Presence::unknown:
        break;
    }
    painter.save();
    QPen pen(surface.faint, 1, Qt::CustomDashLine);
    pen.setDashPattern({2, 3});
    pen.setDashOffset(rect.left());
    pen.setCapStyle(Qt::FlatCap);
    painter.setPen(pen);
    const double middle = below.center().y();
    painter.drawLine(QPointF(below.left(), middle), QPointF(below.right(), middle));
    painter.restore();
}

StripDelegate::StripDelegate(const SharingModel& model, QObject* parent)
    : RoomyDelegate(parent), model_(model) {}

QRectF StripDelegate::strip_rect(const QRect& cell) {
    return QRectF(cell).adjusted(margin_across, margin_up, -margin_across, -margin_up + 1);
}

void StripDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const {
    RoomyDelegate::paint(painter, option, index); // the selection
    const auto line = model_.line_of(index);
    const int image = model_.image_of(index.column());
    if (!line || image < 0)
        return;
    const FileStrip strip = model_.strip(*line, static_cast<std::size_t>(image));
    const QRectF rect = strip_rect(option.rect);
    const bool selected = (option.state & QStyle::State_Selected) != 0;
    const QColor faint = selected ? option.palette.color(QPalette::HighlightedText)
                                  : surface_of(option.palette).faint;
    painter->save();
    painter->setClipRect(option.rect);
    if (strip.kind == FileStrip::Kind::missing) {
        painter->setPen(faint);
        painter->drawText(rect, Qt::AlignCenter, QStringLiteral("—"));
    }
    const double ratio = painter->device()->devicePixelRatioF();
    const auto columns = strip_columns(strip, static_cast<int>(rect.width() * ratio));
    if (!columns.empty() && selected) // on the view's ground, so that marks look as in the legend
        painter->fillRect(rect.adjusted(-2, -2, 2, 2), surface_of(option.palette).base);
    for (std::size_t at = 0; at < columns.size();) {
        std::size_t end = at + 1;
        while (end < columns.size() && columns[end] == columns[at])
            ++end;
        draw_shared(*painter,
                    QRectF(rect.left() + static_cast<double>(at) / ratio, rect.top(),
                           static_cast<double>(end - at) / ratio, rect.height()),
                    columns[at].mark, columns[at].residency, option.palette);
        at = end;
    }
    if (chosen_ && static_cast<int>(chosen_->image) == image && strip.size != 0 &&
        model_.predicted()->files.node(*line, chosen_->image) == chosen_->node) {
        const double scale = rect.width() / static_cast<double>(strip.size);
        const double from = rect.left() + static_cast<double>(chosen_->range.begin) * scale;
        const double to = rect.left() + static_cast<double>(chosen_->range.end) * scale;
        painter->setPen(QPen(surface_of(option.palette).text, 2));
        painter->setBrush(Qt::NoBrush);
        painter->drawRect(QRectF(from, rect.top() - 1, std::max(3.0, to - from),
                                 rect.height() - lane - lane_gap + 2));
    }
    painter->restore();
}

QSize StripDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const QSize size = RoomyDelegate::sizeHint(option, index);
    return {size.width(), std::max(size.height(), least_height)};
}

bool StripDelegate::editorEvent(QEvent* event, QAbstractItemModel*,
                                const QStyleOptionViewItem& option, const QModelIndex& index) {
    if (event->type() != QEvent::MouseButtonRelease || model_.image_of(index.column()) < 0)
        return false;
    const auto* mouse = static_cast<QMouseEvent*>(event);
    const QRectF rect = strip_rect(option.rect);
    if (mouse->button() != Qt::LeftButton || rect.width() < 1)
        return false;
    Q_EMIT piece_clicked(index, (mouse->position().x() - rect.left()) / rect.width());
    return false;
}

bool StripDelegate::helpEvent(QHelpEvent* event, QAbstractItemView* view,
                              const QStyleOptionViewItem& option, const QModelIndex& index) {
    const auto line = model_.line_of(index);
    const int image = model_.image_of(index.column());
    if (event->type() != QEvent::ToolTip || !line || image < 0)
        return RoomyDelegate::helpEvent(event, view, option, index);
    QString text = model_.data(index, Qt::AccessibleTextRole).toString();
    const FileStrip strip = model_.strip(*line, static_cast<std::size_t>(image));
    const QRectF rect = strip_rect(option.rect);
    if (const sharing::SeenPiece* seen =
            strip.piece_at((event->pos().x() - rect.left()) / std::max(1.0, rect.width())))
        text = QStringLiteral("%1\n%2\n%3")
                   .arg(range_text({seen->piece.begin, seen->piece.end}),
                        mark_text(seen->piece.mark, seen->piece.reason),
                        residency_text(seen->residency));
    QToolTip::showText(event->globalPos(), text, view->viewport());
    return true;
}

} // namespace coldscope::app
