#include "app/style/marks.h"

#include <QFile>
#include <QGuiApplication>
#include <QIconEngine>
#include <QPainter>
#include <QSvgRenderer>
#include <algorithm>

// Of a static library, resources are linked in only when they are asked for.
static void load_resources() {
    Q_INIT_RESOURCE(coldscope);
}

namespace coldscope::app {

namespace {

constexpr double least_glyph_width = 9; // logical pixels
constexpr double least_pattern_width = 3;

void draw_glyph(QPainter& painter, const QRectF& rect, const Look& look) {
    if (look.glyph.isNull() || rect.width() < least_glyph_width || rect.height() < 8)
        return;
    QFont font = painter.font();
    font.setPixelSize(static_cast<int>(std::min(rect.height(), 13.0)));
    font.setBold(true);
    painter.setFont(font);
    const bool filled = look.pattern != Pattern::hollow;
    painter.setPen(filled ? ink_on(look.fill) : look.outline);
    const double side = std::min(rect.width(), rect.height() + 4);
    painter.drawText(QRectF(rect.left(), rect.top(), side, rect.height()), Qt::AlignCenter,
                     QString(look.glyph));
}

// Small figures at an even distance, in as many rows as there is room for.
void draw_figures(QPainter& painter, const QRectF& box, const Look& look) {
    constexpr double size = 4;     // logical pixels, as the next
    constexpr double step = 9;     // across
    constexpr double step_up = 12; // one row in a strip of a table
    constexpr double least_height = 7;
    if (box.width() < size + 2 || box.height() < least_height)
        return;
    const auto count = [](double room, double distance) {
        return 1 + static_cast<int>(std::max(0.0, room - size - 2) / distance);
    };
    const int columns = std::min(count(box.width(), step), 2000);
    const int rows = count(box.height(), step_up);
    const double left = box.left() + (box.width() - (columns - 1) * step) / 2;
    const double top = box.top() + (box.height() - (rows - 1) * step_up) / 2;
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(look.pattern == Pattern::dots ? QPen(Qt::NoPen) : QPen(look.outline, 1.1));
    painter.setBrush(look.pattern == Pattern::dots ? QBrush(look.outline) : QBrush(Qt::NoBrush));
    for (int row = 0; row < rows; ++row) {
        for (int column = 0; column < columns; ++column) {
            const QPointF at(left + column * step, top + row * step_up);
            const QPointF half(size / 2, size / 2);
            if (look.pattern == Pattern::crosses) {
                painter.drawLine(at - half, at + half);
                painter.drawLine(at + QPointF(-size / 2, size / 2),
                                 at + QPointF(size / 2, -size / 2));
            } else {
                painter.drawEllipse(at, size / 2, size / 2);
            }
        }
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
}

bool has_figures(Pattern pattern) {
    return pattern == Pattern::dots || pattern == Pattern::rings || pattern == Pattern::crosses;
}

// A bundled icon in the colour of the palette's text.
class SvgIcon final : public QIconEngine {
public:
    explicit SvgIcon(QByteArray svg) : svg_(std::move(svg)) {}
    [[nodiscard]] QIconEngine* clone() const override { return new SvgIcon(svg_); }
    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
        const QPalette palette = QGuiApplication::palette();
        const QColor colour = mode == QIcon::Disabled
                                  ? palette.color(QPalette::Disabled, QPalette::ButtonText)
                              : mode == QIcon::Selected ? palette.color(QPalette::HighlightedText)
                                                        : palette.color(QPalette::ButtonText);
        QByteArray coloured = svg_;
        coloured.replace("currentColor", colour.name().toLatin1());
        QSvgRenderer(coloured).render(painter, rect);
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        painter.setRenderHint(QPainter::Antialiasing);
        paint(&painter, QRect(QPoint(), size), mode, state);
        return pixmap;
    }

private:
    QByteArray svg_;
};

} // namespace

void draw_mark(QPainter& painter, const QRectF& rect, Mark mark, Theme theme) {
    const Look& what = look(mark, theme);
    painter.save();
    QRectF box = rect;
    if (what.pattern == Pattern::half || what.pattern == Pattern::half_hollow)
        box.setTop(rect.top() + rect.height() / 2);
    if (box.width() < least_pattern_width) {
        painter.fillRect(box, what.pattern == Pattern::hollow ? what.outline : what.fill);
        painter.restore();
        return;
    }
    const bool hollow = what.pattern == Pattern::hollow || what.pattern == Pattern::half_hollow;
    if (!hollow)
        painter.fillRect(box, what.fill);
    if (what.pattern == Pattern::hatched || what.pattern == Pattern::dotted) {
        QColor lines = what.outline;
        lines.setAlphaF(0.55F);
        painter.fillRect(box, QBrush(lines, what.pattern == Pattern::hatched ? Qt::BDiagPattern
                                                                             : Qt::Dense6Pattern));
    }
    if (has_figures(what.pattern)) {
        draw_figures(painter, box, what);
    } else if (what.pattern != Pattern::solid && what.pattern != Pattern::half) {
        QPen pen(what.outline, 1,
                 what.pattern == Pattern::dashed   ? Qt::DashLine
                 : what.pattern == Pattern::dotted ? Qt::DotLine
                                                   : Qt::SolidLine);
        pen.setCosmetic(true);
        painter.setPen(pen);
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5));
    }
    draw_glyph(painter, rect, what);
    painter.restore();
}

QIcon mark_icon(Mark mark, Theme theme) {
    QIcon result;
    for (const double scale : {1.0, 1.5, 2.0}) {
        const int size = static_cast<int>(16 * scale);
        QPixmap pixmap(size, size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        painter.scale(scale, scale);
        draw_mark(painter, QRectF(2, 2, 12, 12), mark, theme);
        painter.end();
        result.addPixmap(pixmap);
    }
    return result;
}

QIcon icon(const char* name) {
    const QString wanted = QString::fromLatin1(name);
    if (QIcon::hasThemeIcon(wanted))
        return QIcon::fromTheme(wanted);
    load_resources();
    QFile file(QStringLiteral(":/icons/%1.svg").arg(wanted));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    return QIcon(new SvgIcon(file.readAll()));
}

} // namespace coldscope::app
