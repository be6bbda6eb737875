#include "app/detail/hex_view.h"

#include "app/style/look.h"
#include "app/style/text.h"

#include <QFontDatabase>
#include <QPainter>
#include <QScrollBar>
#include <algorithm>

namespace coldscope::app {

namespace {
constexpr double margin = 6;                   // logical pixels
constexpr int most_rows = 1 << 24;             // that a scroll bar counts one by one
constexpr std::uint64_t most_copied = 1 << 20; // bytes
} // namespace

HexView::HexView(QWidget* parent) : QAbstractScrollArea(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Bytes in hex"));
    setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    viewport()->setCursor(Qt::IBeamCursor);
    lay_out();
}

void HexView::set_bytes(std::uint64_t base_offset, const QByteArray& bytes) {
    set_source(
        {base_offset, base_offset + static_cast<std::uint64_t>(bytes.size())},
        [base_offset, bytes](std::uint64_t offset, std::uint64_t length) -> Result<QByteArray> {
            return bytes.mid(static_cast<qsizetype>(offset - base_offset),
                             static_cast<qsizetype>(length));
        });
}

void HexView::set_source(Range range, Fetch fetch) {
    range_ = range.begin < range.end ? range : Range{};
    fetch_ = std::move(fetch);
    sentence_.clear();
    pages_.clear();
    highlight_.reset();
    fields_.clear();
    chosen_field_.reset();
    anchor_.reset();
    cursor_ = range_.begin;
    if (range_.length() == 0)
        sentence_ = tr("No bytes.");
    verticalScrollBar()->setValue(0);
    lay_out();
}

void HexView::show_sentence(const QString& sentence) {
    set_source({}, {});
    sentence_ = sentence;
    setAccessibleDescription(sentence);
    viewport()->update();
}

void HexView::set_highlight(std::optional<Range> range) {
    highlight_ = range;
    viewport()->update();
}

QSize HexView::sizeHint() const {
    return {static_cast<int>(metrics_.text + 18 * metrics_.character), 160};
}

void HexView::lay_out() {
    const QFontMetricsF font_metrics(font());
    metrics_.character = font_metrics.horizontalAdvance(u'0');
    metrics_.line = font_metrics.height();
    metrics_.digits = std::max(6, static_cast<int>(QString::number(range_.end, 16).size()));
    metrics_.hex = margin + (metrics_.digits + 2) * metrics_.character;
    const auto width_of = [&](int bytes) {
        // The bytes, a gap after eight, two spaces, the text.
        return metrics_.hex + (bytes * 3 + (bytes > 8 ? 1 : 0) + 1 + bytes) * metrics_.character +
               margin;
    };
    per_row_ = viewport()->width() >= width_of(16) ? 16 : 8;
    metrics_.text = metrics_.hex + (per_row_ * 3 + (per_row_ > 8 ? 1 : 0) + 1) * metrics_.character;
    const auto visible = static_cast<int>(viewport()->height() / metrics_.line);
    const auto total = static_cast<int>(std::min<std::uint64_t>(rows(), most_rows));
    verticalScrollBar()->setRange(0, std::max(0, total - visible));
    verticalScrollBar()->setPageStep(std::max(1, visible));
    viewport()->update();
}

std::uint64_t HexView::row_begin() const {
    return range_.begin - range_.begin % static_cast<std::uint64_t>(per_row_);
}

std::uint64_t HexView::rows() const {
    const auto width = static_cast<std::uint64_t>(per_row_);
    return range_.length() == 0 ? 0 : (range_.end - row_begin() + width - 1) / width;
}

// Beyond what the scroll bar counts, a step of it is several rows.
std::uint64_t HexView::top_row() const {
    const auto value = static_cast<std::uint64_t>(verticalScrollBar()->value());
    const std::uint64_t scale = (rows() + most_rows - 1) / most_rows;
    return value * std::max<std::uint64_t>(1, scale);
}

double HexView::hex_x(int column) const {
    return metrics_.hex + (column * 3 + (column >= 8 && per_row_ > 8 ? 1 : 0)) * metrics_.character;
}

std::optional<unsigned char> HexView::byte_at(std::uint64_t offset) {
    if (offset < range_.begin || offset >= range_.end || !fetch_ || !sentence_.isEmpty())
        return {};
    const std::uint64_t number = offset / page;
    auto at = pages_.find(number);
    if (at == pages_.end()) {
        const std::uint64_t begin = std::max(range_.begin, number * page);
        const std::uint64_t end = std::min(range_.end, (number + 1) * page);
        Result<QByteArray> bytes = fetch_(begin, end - begin);
        if (!bytes) {
            sentence_ = tr("These bytes can't be read: %1").arg(error_text(bytes.error()));
            setAccessibleDescription(sentence_);
            viewport()->update();
            return {};
        }
        if (pages_.size() >= most_pages) // the one that is farthest off
            pages_.erase(number - pages_.begin()->first > pages_.rbegin()->first - number
                             ? pages_.begin()
                             : std::prev(pages_.end()));
        at = pages_.emplace(number, std::move(*bytes)).first;
    }
    const auto within = static_cast<qsizetype>(offset - std::max(range_.begin, number * page));
    if (within >= at->second.size())
        return {};
    return static_cast<unsigned char>(at->second.at(within));
}

Range HexView::selected() const {
    if (!anchor_ || range_.length() == 0)
        return {};
    return {std::min(*anchor_, cursor_), std::max(*anchor_, cursor_) + 1};
}

void HexView::select(std::uint64_t anchor, std::uint64_t cursor) {
    if (range_.length() == 0)
        return;
    anchor_ = std::clamp(anchor, range_.begin, range_.end - 1);
    cursor_ = std::clamp(cursor, range_.begin, range_.end - 1);
    viewport()->update();
}

QString HexView::selected_text() {
    QString text;
    Range range = selected();
    range.end = std::min(range.end, range.begin + most_copied);
    for (std::uint64_t offset = range.begin; offset < range.end; ++offset) {
        const auto byte = byte_at(offset);
        if (!byte)
            break;
        if (!text.isEmpty())
            text += u' ';
        text += QStringLiteral("%1").arg(*byte, 2, 16, QLatin1Char('0'));
    }
    return text;
}

QRectF HexView::byte_rect(std::uint64_t offset) const {
    const auto width = static_cast<std::uint64_t>(per_row_);
    const std::uint64_t row = (offset - row_begin()) / width;
    const auto column = static_cast<int>((offset - row_begin()) % width);
    const double top = (static_cast<double>(row) - static_cast<double>(top_row())) * metrics_.line;
    return {hex_x(column), top, 2 * metrics_.character, metrics_.line};
}

std::optional<std::uint64_t> HexView::offset_at(const QPointF& point) const {
    if (range_.length() == 0 || point.y() < 0)
        return {};
    int column = 0;
    if (point.x() >= metrics_.text - metrics_.character / 2) {
        column = static_cast<int>((point.x() - metrics_.text) / metrics_.character);
    } else {
        while (column + 1 < per_row_ && point.x() >= hex_x(column + 1) - metrics_.character / 2)
            ++column;
    }
    column = std::clamp(column, 0, per_row_ - 1);
    const std::uint64_t row = top_row() + static_cast<std::uint64_t>(point.y() / metrics_.line);
    const std::uint64_t offset = row_begin() + row * static_cast<std::uint64_t>(per_row_) +
                                 static_cast<std::uint64_t>(column);
    return std::clamp(offset, range_.begin, range_.end - 1);
}

void HexView::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    const Surface surface = surface_of(palette());
    painter.fillRect(viewport()->rect(), surface.base);
    const auto width = static_cast<std::uint64_t>(per_row_);
    const Range chosen = selected();
    const double ascent = QFontMetricsF(font()).ascent();
    QColor lit = scale_colour(theme_of(palette()) == Theme::dark ? 0.15 : 0.0, theme_of(palette()));
    lit.setAlphaF(0.45F);
    paint_fields(painter);
    double top = 0;
    for (std::uint64_t row = top_row();
         row < rows() && top < viewport()->height() && sentence_.isEmpty();
         ++row, top += metrics_.line) {
        const std::uint64_t begin = row_begin() + row * width;
        painter.setPen(surface.faint);
        painter.drawText(QPointF(margin, top + ascent),
                         QStringLiteral("%1").arg(begin, metrics_.digits, 16, QLatin1Char('0')));
        for (int column = 0; column < per_row_; ++column) {
            const std::uint64_t offset = begin + static_cast<std::uint64_t>(column);
            const auto byte = byte_at(offset);
            if (!byte)
                continue;
            const QRectF hex(hex_x(column), top, 2 * metrics_.character, metrics_.line);
            const QRectF text(metrics_.text + column * metrics_.character, top, metrics_.character,
                              metrics_.line);
            const bool is_chosen = offset >= chosen.begin && offset < chosen.end;
            const bool is_lit =
                highlight_ && offset >= highlight_->begin && offset < highlight_->end;
            if (is_chosen || is_lit) {
                const bool joins =
                    column + 1 < per_row_ &&
                    (is_chosen ? offset + 1 < chosen.end : offset + 1 < highlight_->end);
                const double to = joins ? hex_x(column + 1) : hex.right();
                const QColor colour = is_chosen ? surface.selection : lit;
                painter.fillRect(QRectF(hex.left(), top, to - hex.left(), metrics_.line), colour);
                painter.fillRect(text, colour);
            }
            const bool printable = *byte >= 0x20 && *byte < 0x7F;
            const QColor ink = is_chosen    ? palette().color(QPalette::HighlightedText)
                               : *byte == 0 ? surface.faint
                                            : surface.text;
            painter.setPen(ink);
            painter.drawText(QPointF(hex.left(), top + ascent),
                             QStringLiteral("%1").arg(*byte, 2, 16, QLatin1Char('0')));
            painter.setPen(is_chosen ? ink : printable ? surface.text : surface.faint);
            painter.drawText(QPointF(text.left(), top + ascent),
                             printable ? QString(QChar(*byte)) : QStringLiteral("·"));
        }
    }
    if (sentence_.isEmpty()) {
        if (chosen_field_)
            paint_frame(painter, *chosen_field_, surface.text, 1);
        for (const Field& field : fields_) {
            if (field.wrong)
                paint_frame(painter, field.range, look(Mark::failed, theme_of(palette())).outline,
                            2);
        }
    }
    if (hasFocus() && sentence_.isEmpty() && range_.length() != 0) {
        painter.setPen(QPen(surface.selection, 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(byte_rect(cursor_).adjusted(-1.5, 0.5, 1.5, -0.5));
    }
    if (!sentence_.isEmpty()) {
        painter.fillRect(viewport()->rect(), surface.base);
        painter.setPen(surface.faint);
        painter.setFont(QFont());
        painter.drawText(viewport()->rect().adjusted(12, 8, -12, -8),
                         Qt::AlignCenter | Qt::TextWordWrap, sentence_);
    }
}

} // namespace coldscope::app
