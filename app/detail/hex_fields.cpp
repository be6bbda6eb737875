// Fields in the hex view: grounds, frames and names.
#include "app/detail/hex_view.h"
#include "app/style/look.h"
#include "app/style/text.h"

#include <QHelpEvent>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>
#include <array>

namespace coldscope::app {

namespace {

// Neighbours differ in hue and in lightness.
QColor ground(std::size_t number, Theme theme) {
    static constexpr std::array<Mark, 4> hues{Mark::answered, Mark::local, Mark::prefetch,
                                              Mark::fetching};
    QColor colour = look(hues[number % hues.size()], theme).fill;
    colour.setAlphaF(number % 2 == 0 ? 0.38F : 0.24F);
    return colour;
}

} // namespace

void HexView::set_fields(std::vector<Field> fields) {
    fields_ = std::move(fields);
    chosen_field_.reset();
    viewport()->update();
}

void HexView::set_chosen_field(std::optional<std::size_t> field) {
    chosen_field_.reset();
    if (field && *field < fields_.size())
        chosen_field_ = fields_[*field].range;
    viewport()->update();
}

void HexView::bring_into_view(Range range) {
    if (range_.length() == 0)
        return;
    const std::uint64_t first = std::clamp(range.begin, range_.begin, range_.end - 1);
    const std::uint64_t row = (first - row_begin()) / static_cast<std::uint64_t>(per_row_);
    const auto visible = static_cast<std::uint64_t>(verticalScrollBar()->pageStep());
    const QRectF rect = byte_rect(first);
    if (rect.top() >= 0 && rect.bottom() <= viewport()->height())
        return;
    const std::uint64_t scale = std::max<std::uint64_t>(
        1, rows() / std::max<std::uint64_t>(
                        1, static_cast<std::uint64_t>(verticalScrollBar()->maximum()) + visible));
    verticalScrollBar()->setValue(static_cast<int>((row - std::min(row, visible / 3)) / scale));
}

const HexView::Field* HexView::field_at(std::uint64_t offset) const {
    const auto field = std::ranges::find_if(fields_, [offset](const Field& each) {
        return offset >= each.range.begin && offset < each.range.end;
    });
    return field == fields_.end() ? nullptr : &*field;
}

std::vector<QRectF> HexView::rects(Range range) const {
    std::vector<QRectF> result;
    const auto width = static_cast<std::uint64_t>(per_row_);
    const std::uint64_t top = row_begin() + top_row() * width;
    const auto lines = static_cast<std::uint64_t>(viewport()->height() / metrics_.line) + 2;
    std::uint64_t at = std::max({range.begin, top, range_.begin});
    const std::uint64_t end = std::min({range.end, range_.end, top + lines * width});
    while (at < end) {
        const std::uint64_t row_end = std::min(end, at - (at - row_begin()) % width + width);
        const QRectF first = byte_rect(at);
        const QRectF last = byte_rect(row_end - 1);
        const double space = metrics_.character * 0.4;
        result.push_back(first.united(last).adjusted(-space, 0, space, 0));
        const auto column = static_cast<double>((at - row_begin()) % width);
        result.emplace_back(metrics_.text + column * metrics_.character, first.top(),
                            static_cast<double>(row_end - at) * metrics_.character, metrics_.line);
        at = row_end;
    }
    return result;
}

void HexView::paint_fields(QPainter& painter) {
    if (!sentence_.isEmpty())
        return;
    const Theme theme = theme_of(palette());
    std::size_t number = 0;
    for (const Field& field : fields_) {
        if (field.idle)
            continue;
        QColor colour = ground(number++, theme);
        if (field.wrong) {
            colour = look(Mark::failed, theme).fill;
            colour.setAlphaF(0.45F);
        }
        for (const QRectF& rect : rects(field.range))
            painter.fillRect(rect.adjusted(0, 1, 0, -1), colour);
    }
}

void HexView::paint_frame(QPainter& painter, Range range, const QColor& colour, double width) {
    painter.setPen(QPen(colour, width));
    painter.setBrush(Qt::NoBrush);
    const double inset = width / 2;
    for (const QRectF& rect : rects(range))
        painter.drawRect(rect.adjusted(inset, inset, -inset, -inset));
}

bool HexView::viewportEvent(QEvent* event) {
    if (event->type() != QEvent::ToolTip || fields_.empty())
        return QAbstractScrollArea::viewportEvent(event);
    auto* help = static_cast<QHelpEvent*>(event);
    const auto offset = offset_at(help->pos());
    const Field* field = offset ? field_at(*offset) : nullptr;
    if (field == nullptr)
        QToolTip::hideText();
    else
        QToolTip::showText(
            help->globalPos(),
            tr("%1: %2\n%3").arg(field->name, field->value, range_text(field->range)), viewport());
    return true;
}

} // namespace coldscope::app
