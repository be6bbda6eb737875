// What is painted over the cells, and what is said about them.
#include "app/maps/blob_grid.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QAccessible>
#include <QPainter>
#include <QScrollBar>
#include <QStringList>
#include <algorithm>
#include <cmath>

namespace coldscope::app {

namespace {

// Ascending and disjoint, from whatever order.
std::vector<Range> merged(std::vector<Range> ranges) {
    std::ranges::sort(ranges, {}, &Range::begin);
    std::vector<Range> result;
    for (const Range& range : ranges) {
        if (!result.empty() && range.begin <= result.back().end)
            result.back().end = std::max(result.back().end, range.end);
        else
            result.push_back(range);
    }
    return result;
}

} // namespace

void BlobGrid::follow_selection() {
    const Chosen& chosen = workspace_.selection().current();
    if (!choosing_ && chosen.range && chosen.range->device != device_ && workspace_.image() &&
        chosen.range->device < workspace_.image()->device_count()) {
        set_device(chosen.range->device);
        follow_ = false;
    }
    std::vector<Range> ranges;
    if (chosen.node) {
        for (const erofs::Extent& extent : workspace_.extents_of(*chosen.node)) {
            if (extent.is_placed() && extent.device == device_)
                ranges.push_back(extent.stored());
        }
    }
    file_ranges_ = merged(std::move(ranges));
    if (!choosing_ && chosen.range && chosen.range->device == device_ &&
        chosen.range->range.begin < space_.size) {
        cursor_ = anchor_ = space_.cell_of(chosen.range->range.begin);
        make_visible(cursor_);
    }
    choosing_ = false;
}

void BlobGrid::make_visible(std::uint64_t cell) {
    const auto top =
        static_cast<int>(cell / columns_ * static_cast<std::uint64_t>(side_)); // below 2^30
    const auto height = static_cast<int>(viewport()->height() * devicePixelRatioF());
    if (top < scroll())
        verticalScrollBar()->setValue(top);
    else if (top + side_ > scroll() + height)
        verticalScrollBar()->setValue(top + side_ - height);
}

void BlobGrid::find_outlines() {
    outline_ = {};
    if (space_.size == 0)
        return;
    outline(file_ranges_, outline_.file);
    const Chosen& chosen = workspace_.selection().current();
    if (chosen.range && chosen.range->device == device_)
        outline({chosen.range->range}, outline_.range);
}

// Around the visible cells that the ranges touch: an edge where the neighbour is another.
void BlobGrid::outline(const std::vector<Range>& ranges, std::vector<QLineF>& lines) const {
    const std::uint64_t first = first_visible();
    const std::size_t count = cells_.size();
    if (ranges.empty() || count == 0)
        return;
    std::vector<char> in(count, 0);
    const Range window{first * space_.cell_bytes, space_.range(first + count - 1).end};
    bool any = false;
    for (auto at = std::ranges::upper_bound(ranges, window.begin, {}, &Range::end);
         at != ranges.end() && at->begin < window.end; ++at) {
        const std::uint64_t from = space_.cell_of(std::max(at->begin, window.begin));
        const std::uint64_t to = space_.cell_of(std::min(at->end, window.end) - 1);
        for (std::uint64_t cell = from; cell <= to; ++cell)
            in[static_cast<std::size_t>(cell - first)] = 1;
        any = true;
    }
    if (!any)
        return;
    const double gap = std::max(1.0, std::round(devicePixelRatioF())) / devicePixelRatioF() / 2;
    const auto is_in = [&](std::size_t at, std::ptrdiff_t by) {
        const auto other = static_cast<std::ptrdiff_t>(at) + by;
        return other >= 0 && other < static_cast<std::ptrdiff_t>(count) &&
               in[static_cast<std::size_t>(other)] != 0;
    };
    const auto width = static_cast<std::ptrdiff_t>(columns_);
    for (std::size_t at = 0; at < count; ++at) {
        if (in[at] == 0)
            continue;
        const QRectF rect = rect_of(first + at).translated(-gap, -gap);
        if (at % columns_ == 0 || !is_in(at, -1))
            lines.emplace_back(rect.topLeft(), rect.bottomLeft());
        if (at % columns_ == columns_ - 1 || !is_in(at, 1))
            lines.emplace_back(rect.topRight(), rect.bottomRight());
        if (!is_in(at, -width))
            lines.emplace_back(rect.topLeft(), rect.topRight());
        if (!is_in(at, width))
            lines.emplace_back(rect.bottomLeft(), rect.bottomRight());
    }
}

QString BlobGrid::empty_text() const {
    if (!workspace_.image())
        return workspace_.no_image_text(tr("Open an image to see the blocks of its devices."));
    return tr("This device has no bytes, or its file is missing and the image does not say how "
              "large it is.");
}

void BlobGrid::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    const Surface surface = surface_of(palette());
    if (space_.size == 0) {
        painter.fillRect(viewport()->rect(), surface.base);
        painter.setPen(surface.faint);
        painter.drawText(viewport()->rect().adjusted(20, 0, -20, 0),
                         Qt::AlignCenter | Qt::TextWordWrap, empty_text());
        return;
    }
    if (gate_.due() && image_.size() != (QSizeF(viewport()->size()) * devicePixelRatioF()).toSize())
        gate_.flush(); // a first or resized view is never shown stale
    painter.drawImage(QPointF(0, 0), image_);
    draw_gutter(painter);
    const auto strokes = [&](const std::vector<QLineF>& lines, double width, const QColor& colour) {
        if (lines.empty())
            return;
        painter.setPen(QPen(colour, width, Qt::SolidLine, Qt::SquareCap));
        painter.drawLines(lines.data(), static_cast<int>(lines.size()));
    };
    strokes(outline_.file, 1, surface.text);
    strokes(outline_.range, 4, surface.base);
    strokes(outline_.range, 2, surface.text);
    const auto box = [&](std::uint64_t cell, double width, Qt::PenStyle style) {
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(surface.base, width + 1));
        const QRectF rect = rect_of(cell).adjusted(-0.5, -0.5, -0.5, -0.5);
        painter.drawRect(rect);
        painter.setPen(QPen(surface.selection, width, style));
        painter.drawRect(rect);
    };
    if (hover_)
        box(*hover_, 1.5, Qt::SolidLine);
    if (hasFocus()) {
        const Range range = chosen_cells().range;
        std::vector<QLineF> lines;
        outline({range}, lines);
        strokes(lines, 4, surface.base);
        strokes(lines, 2, surface.selection);
    }
}

void BlobGrid::draw_gutter(QPainter& painter) const {
    const double ratio = devicePixelRatioF();
    const double line = fontMetrics().height();
    painter.setPen(surface_of(palette()).faint);
    const auto step =
        static_cast<std::uint64_t>(std::max(1.0, std::ceil((line + 6) * ratio / side_)));
    const std::uint64_t rows = (space_.count() + columns_ - 1) / columns_;
    std::uint64_t row = static_cast<std::uint64_t>(scroll() / side_) / step * step;
    for (; row < rows; row += step) {
        const QRectF rect = rect_of(row * columns_);
        if (rect.top() > viewport()->height())
            break;
        // Moved a little rather than cut at the view's edges.
        const double middle = std::clamp(rect.center().y(), line / 2,
                                         std::max(line / 2, viewport()->height() - line / 2));
        if (std::abs(middle - rect.center().y()) > line / 2)
            continue;
        painter.drawText(QRectF(0, middle - line / 2, gutter_ / ratio - 6, line),
                         Qt::AlignRight | Qt::AlignVCenter,
                         size_text(row * columns_ * space_.cell_bytes));
    }
}

DeviceRange BlobGrid::chosen_cells() const {
    const Range one = space_.range(std::min(cursor_, anchor_));
    const Range other = space_.range(std::max(cursor_, anchor_));
    return {device_, {one.begin, other.end}};
}

QString BlobGrid::describe(std::uint64_t at) const {
    if (at >= space_.count())
        return {};
    const Range range = space_.range(at);
    const Cell what = cell(at);
    QStringList lines;
    lines.push_back(tr("%1 to %2 (%3)")
                        .arg(offset_text(range.begin), offset_text(range.end), range_text(range)));
    QString state = name(what.mark);
    if (what.mark == Mark::hole)
        state = tr("unused: no file has bytes here");
    else if (what.local == 0)
        state = tr("%1; nothing of it is local").arg(state);
    else if (what.local == range.length())
        state = tr("%1; all of it is local").arg(state);
    else
        state = tr("%1; %2 of %3 are local")
                    .arg(state, size_text(what.local), size_text(range.length()));
    if (!workspace_.residency().known() && what.mark != Mark::hole)
        state = tr("not asked for: no run has begun");
    lines.push_back(state);
    if (const QString origins = origins_text(workspace_, {device_, range}); !origins.isEmpty())
        lines.push_back(origins);
    if (const SharedCell shared = shared_cell(at); shared.any)
        lines.push_back(shared.resident ? tr("%1; in memory").arg(name(mark_of(shared.mark)))
                                        : name(mark_of(shared.mark)));
    const auto files = workspace_.files_at({device_, range}, 4);
    for (const erofs::NodeId node : files.nodes)
        lines.push_back(workspace_.path_of(node));
    if (files.more)
        lines.push_back(tr("and more files"));
    if (files.nodes.empty() && device_ == 0)
        lines.push_back(tr("metadata: no file's bytes"));
    if (const Touch touch = touches_.in({device_, range}); touch.count != 0) {
        const EventStore& store = workspace_.host().store();
        const Nanoseconds began = std::min(touch.last, workspace_.host().began_at());
        const QString last =
            tr("#%1, %2 after the start")
                .arg(count_text(store[touch.last_row].id), duration_text(touch.last - began));
        lines.push_back(touch.count == 1
                            ? tr("one request: %1").arg(last)
                            : tr("%1 requests; the last: %2").arg(count_text(touch.count), last));
    }
    return lines.join(u'\n');
}

void BlobGrid::announce() {
    setAccessibleDescription(describe(cursor_));
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
}

QImage BlobGrid::picture() {
    gate_.flush();
    return viewport()->grab().toImage();
}

} // namespace coldscope::app
