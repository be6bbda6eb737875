// How the strips of a file are painted, and what is said about them.
#include "app/maps/chunk_strip.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QPainter>
#include <QScrollBar>
#include <QStringList>
#include <algorithm>
#include <cmath>

namespace coldscope::app {

namespace {
constexpr double least_cell_width = 5;
constexpr double tick_distance = 96;
} // namespace

void ChunkStrip::render() {
    const double ratio = devicePixelRatioF();
    const QSize size = (QSizeF(viewport()->size()) * ratio).toSize();
    if (image_.size() != size)
        image_ = QImage(size, QImage::Format_RGB32);
    if (image_.isNull())
        return;
    image_.setDevicePixelRatio(ratio);
    const Surface surface = surface_of(palette());
    image_.fill(surface.base);
    QPainter painter(&image_);
    painter.setFont(font());
    if (empty()) {
        painter.setPen(surface.faint);
        painter.drawText(viewport()->rect().adjusted(20, 0, -20, 0),
                         Qt::AlignCenter | Qt::TextWordWrap, sentence_);
        return;
    }
    paint_axis(painter);
    for (std::size_t strip = 0; strip < devices_.size(); ++strip)
        paint_strip(painter, strip);
    paint_requests(painter);
}

void ChunkStrip::paint_axis(QPainter& painter) const {
    const Surface surface = surface_of(palette());
    const FileAxis at = axis();
    const double ratio = devicePixelRatioF();
    const double per_pixel = at.per_column() * ratio;
    const double step = std::exp2(std::ceil(std::log2(std::max(1.0, per_pixel * tick_distance))));
    const double line = fontMetrics().height();
    const double top = 4.0 - verticalScrollBar()->value();
    for (double offset = std::ceil(begin_ / step) * step; offset <= end_; offset += step) {
        const double x = left() + at.column_of(offset) / ratio;
        painter.setPen(surface.grid);
        painter.drawLine(QPointF(x, top + line), QPointF(x, lanes_rect().bottom()));
        painter.setPen(surface.faint);
        const auto value = static_cast<std::uint64_t>(offset);
        // Three digits don't tell far ticks of a close view apart.
        const QString text = offset < step * 400 ? size_text(value) : offset_text(value);
        const double width = fontMetrics().horizontalAdvance(text);
        const double from =
            std::clamp(x - width / 2, left(), std::max(left(), left() + this->width() - width));
        painter.drawText(QPointF(from, top + fontMetrics().ascent()), text);
    }
}

void ChunkStrip::paint_strip(QPainter& painter, std::size_t strip) const {
    const Theme theme = theme_of(palette());
    const Surface surface = surface_of(palette());
    const double ratio = devicePixelRatioF();
    const QRectF box = strip_rect(strip);
    if (box.bottom() < 0 || box.top() - 20 > viewport()->height())
        return;
    const double line = fontMetrics().height();
    painter.setPen(surface.text);
    const QString label =
        tr("%1 — %2").arg(QString::fromStdString(workspace_.image()->device_name(devices_[strip])),
                          size_text(bytes_[strip]));
    const QRectF label_rect(box.left(), box.top() - line - 2, box.width(), line);
    painter.fillRect(
        QRectF(label_rect.topLeft(), QSizeF(fontMetrics().horizontalAdvance(label) + 6, line)),
        surface.base);
    painter.drawText(
        label_rect, Qt::AlignLeft | Qt::AlignVCenter,
        fontMetrics().elidedText(label, Qt::ElideMiddle, static_cast<int>(box.width())));
    const auto& columns = columns_[strip];
    const auto count = static_cast<int>(columns.size());
    const auto bar = [&](int from, int to, double top, double height) {
        return QRectF(box.left() + from / ratio, top, (to - from) / ratio, height);
    };
    painter.fillRect(box, surface.alternate);
    for (int at = 0; at < count;) {
        const Column& first = columns[static_cast<std::size_t>(at)];
        int end = at + 1;
        while (end < count && columns[static_cast<std::size_t>(end)].any == first.any &&
               columns[static_cast<std::size_t>(end)].mark == first.mark)
            ++end;
        if (first.any)
            draw_mark(painter, bar(at, end, box.top(), box.height()), first.mark, theme);
        if (first.mark == Mark::cold) {
            // Of columns that are local in part, the part.
            for (int one = at; one < end; ++one) {
                const Column& column = columns[static_cast<std::size_t>(one)];
                if (column.local == 0 || column.data == 0)
                    continue;
                const double share =
                    std::clamp(static_cast<double>(column.local) / static_cast<double>(column.data),
                               0.08, 0.92);
                painter.fillRect(
                    bar(one, one + 1, box.bottom() - box.height() * share, box.height() * share),
                    look(Mark::local, theme).fill);
            }
        }
        at = end;
    }
    // Chunks, where they are wide enough to be told apart.
    const FileAxis on = axis();
    const auto cell = static_cast<double>(cell_);
    if (cell / on.per_column() / ratio >= least_cell_width) {
        painter.setPen(QPen(surface.base, 1));
        for (double offset = std::ceil(begin_ / cell) * cell; offset < end_; offset += cell) {
            if (offset <= 0)
                continue;
            const double x = box.left() + std::round(on.column_of(offset)) / ratio;
            painter.fillRect(QRectF(x, box.top(), 1, box.height()), surface.base);
        }
    }
    const erofs::Extent* last = extents_.empty() ? nullptr : &extents_.back();
    if (last != nullptr && last->kind == erofs::ExtentKind::inline_tail &&
        last->device == devices_[strip] && static_cast<double>(last->offset) < end_ &&
        static_cast<double>(last->offset + last->length) > begin_) {
        const double from = std::max(0.0, on.column_of(static_cast<double>(last->offset)) / ratio);
        const double to = std::min(
            box.width(), on.column_of(static_cast<double>(last->offset + last->length)) / ratio);
        const QRectF tail(box.left() + std::min(from, box.width() - 4), box.top(),
                          std::max(4.0, to - from), box.height());
        painter.setPen(QPen(surface.text, 1, Qt::DashLine));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(tail.adjusted(0.5, 0.5, -0.5, -0.5));
        const QString text = tr("inline tail");
        const double text_width = fontMetrics().horizontalAdvance(text);
        if (text_width + 8 < tail.width()) {
            painter.setPen(ink_on(look(Mark::cold, theme).fill));
            painter.drawText(tail, Qt::AlignCenter, text);
        } else if (text_width + fontMetrics().horizontalAdvance(label) + 30 < box.width()) {
            painter.setPen(surface.faint);
            painter.drawText(QRectF(std::min(tail.right(), box.right()) - text_width - 2,
                                    label_rect.top(), text_width + 2, line),
                             Qt::AlignRight | Qt::AlignVCenter, text);
        }
    }
}

void ChunkStrip::paint_requests(QPainter& painter) const {
    const Theme theme = theme_of(palette());
    const Surface surface = surface_of(palette());
    const double ratio = devicePixelRatioF();
    const QRectF box = lanes_rect();
    const double line = fontMetrics().height();
    const std::size_t count = touches_.touches().size();
    QString label;
    if (count == 0)
        label = workspace_.residency().known() ? tr("no request touched this file")
                                               : tr("requests show here once a run has begun");
    else if (touches_.more())
        label = tr("the newest %1 requests").arg(count_text(count));
    else
        label = count == 1 ? tr("one request") : tr("%1 requests").arg(count_text(count));
    painter.setPen(touches_.touches().empty() ? surface.faint : surface.text);
    const QRectF text(box.left(), box.top() - line - 2, fontMetrics().horizontalAdvance(label) + 6,
                      line);
    painter.fillRect(text, surface.base);
    painter.drawText(text, Qt::AlignLeft | Qt::AlignVCenter, label);
    const auto& chosen = workspace_.selection().current();
    for (const LaneMark& mark : marks_) {
        const QRectF rect(box.left() + mark.left / ratio, box.top() + mark.lane * lane_step,
                          (mark.right - mark.left) / ratio, lane_height);
        draw_mark(painter, rect, mark.mark, theme);
        if (chosen.request == mark.row) {
            painter.setPen(QPen(surface.text, 1.5));
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(rect.adjusted(-1, -1, 1, 1));
        }
    }
}

void ChunkStrip::paintEvent(QPaintEvent*) {
    if (gate_.due() && image_.size() != (QSizeF(viewport()->size()) * devicePixelRatioF()).toSize())
        gate_.flush();
    QPainter painter(viewport());
    painter.drawImage(QPointF(0, 0), image_);
    if (empty())
        return;
    const Surface surface = surface_of(palette());
    const double ratio = devicePixelRatioF();
    const auto box = [&](const QRectF& rect, const QColor& colour, double width) {
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(surface.base, width + 2));
        painter.drawRect(rect);
        painter.setPen(QPen(colour, width));
        painter.drawRect(rect);
    };
    for (const ChosenRun& run : chosen_) {
        const QRectF strip = strip_rect(run.strip);
        box(QRectF(strip.left() + run.left / ratio, strip.top() - 1,
                   std::max(2.0, (run.right - run.left) / ratio), strip.height() + 2),
            surface.text, 1.5);
    }
    const FileAxis at = axis();
    if (hasFocus()) {
        const Range cell = cell_at(cursor_);
        const double from = at.column_of(static_cast<double>(cell.begin)) / ratio;
        const double to = at.column_of(static_cast<double>(cell.end)) / ratio;
        if (to > 0 && from < width()) {
            for (std::size_t strip = 0; strip < devices_.size(); ++strip) {
                const QRectF rect = strip_rect(strip);
                const double left_edge = std::clamp(from, 0.0, rect.width());
                const double right_edge = std::clamp(to, left_edge, rect.width());
                box(QRectF(rect.left() + left_edge, rect.top() - 1,
                           std::max(2.0, right_edge - left_edge), rect.height() + 2),
                    surface.selection, 1.5);
            }
        }
    }
    if (hover_) {
        painter.setPen(QPen(surface.faint, 1, Qt::DotLine));
        painter.drawLine(QPointF(*hover_, strip_rect(0).top()),
                         QPointF(*hover_, lanes_rect().bottom()));
    }
}

QString ChunkStrip::describe(std::uint64_t offset) const {
    if (empty() || offset >= size_)
        return {};
    const Range cell = cell_at(offset);
    QStringList lines;
    lines.push_back(
        tr("bytes %1 to %2 of the file (%3)")
            .arg(count_text(cell.begin), count_text(cell.end), size_text(cell.length())));
    const erofs::Extent* extent = extent_at(offset);
    if (extent == nullptr)
        return lines.join(u'\n');
    if (extent->kind == erofs::ExtentKind::hole) {
        lines.push_back(tr("a hole: zeros, no bytes are stored"));
        return lines.join(u'\n');
    }
    const Range part{std::max(cell.begin, extent->offset),
                     std::min(cell.end, extent->offset + extent->length)};
    if (extent->kind == erofs::ExtentKind::encoded)
        lines.push_back(tr("compressed with %1: %2 for %3%4")
                            .arg(QString::fromLatin1(codec::name(extent->algorithm)),
                                 size_text(extent->encoded), size_text(extent->decoded),
                                 extent->shared ? tr(", and for other files") : QString()));
    if (extent->fragment != erofs::Extent::no_fragment)
        lines.push_back(tr("a fragment, at %1 of the packed inode")
                            .arg(offset_text(extent->fragment + (part.begin - extent->offset))));
    if (!extent->is_placed()) {
        lines.push_back(tr("in the metabox, which is compressed"));
        return lines.join(u'\n');
    }
    const Range place = extent->stored_of(part);
    lines.push_back(
        tr("%1 at %2 of %3")
            .arg(size_text(place.length()), offset_text(place.begin),
                 QString::fromStdString(workspace_.image()->device_name(extent->device))));
    if (extent->kind == erofs::ExtentKind::inline_tail)
        lines.push_back(tr("inline tail: kept behind the inode"));
    std::uint64_t missing = 0;
    for (const Range& range : workspace_.residency().local(extent->device).missing(place))
        missing += range.length();
    if (!workspace_.residency().known())
        lines.push_back(tr("not asked for: no run has begun"));
    else
        lines.push_back(missing == 0 ? tr("all of it is local")
                                     : tr("%1 of %2 are local")
                                           .arg(size_text(place.length() - missing),
                                                size_text(place.length())));
    if (const QString origins = origins_text(workspace_, {extent->device, place});
        !origins.isEmpty())
        lines.push_back(origins);
    const auto files = workspace_.files_at({extent->device, place}, 4);
    for (const erofs::NodeId node : files.nodes) {
        if (workspace_.image()->index.node(node).nid != workspace_.image()->index.node(*node_).nid)
            lines.push_back(tr("shared with %1").arg(workspace_.path_of(node)));
    }
    return lines.join(u'\n');
}

QString ChunkStrip::describe(const LaneMark& mark) const {
    if (mark.folded > 1)
        return tr("%1 requests here; zoom in to tell them apart").arg(count_text(mark.folded));
    EventStore& store = workspace_.host().store();
    const RequestRow& request = store[mark.row];
    const auto reader = store.reader(request);
    return tr("Request %1: %2\n%3, %4")
        .arg(count_text(request.id), app::name(store.state(mark.row)),
             range_text({request.offset, request.offset + request.length}),
             tr("%1 (%2)")
                 .arg(QString::fromUtf8(reader.name().data(),
                                        static_cast<qsizetype>(reader.name().size())))
                 .arg(reader.pid));
}

QImage ChunkStrip::picture() {
    gate_.flush();
    return viewport()->grab().toImage();
}

} // namespace coldscope::app
