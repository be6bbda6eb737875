#include "app/compare/fetch_bar.h"

#include "app/style/marks.h"
#include "app/style/text.h"

#include <QPainter>
#include <algorithm>

namespace coldscope::app {

namespace {

constexpr int bar_height = 14; // logical pixels, as all below
constexpr int swatch = 10;
constexpr int gap = 4;

} // namespace

FetchBar::FetchBar(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("What must be fetched"));
}

void FetchBar::show(const compare::Comparison& comparison) {
    const std::uint64_t shared = comparison.needed - comparison.to_fetch;
    const std::uint64_t elsewhere = comparison.by_content.value_or(0);
    const double all = static_cast<double>(std::max<std::uint64_t>(comparison.needed, 1));
    const auto share = [all](std::uint64_t bytes) {
        return share_text(static_cast<double>(bytes) / all);
    };
    parts_.clear();
    parts_.push_back(
        {Mark::local, shared, tr("%1 there already (%2)").arg(size_text(shared), share(shared))});
    if (elsewhere != 0)
        parts_.push_back({Mark::unused, elsewhere,
                          (comparison.all_looked_at ? tr("%1 at other addresses (%2)")
                                                    : tr("at least %1 at other addresses (%2)"))
                              .arg(size_text(elsewhere), share(elsewhere))});
    parts_.push_back({Mark::fetching, comparison.to_fetch - elsewhere,
                      (elsewhere != 0 ? tr("%1 new (%2)") : tr("%1 to fetch (%2)"))
                          .arg(size_text(comparison.to_fetch - elsewhere),
                               share(comparison.to_fetch - elsewhere))});
    setAccessibleDescription(text());
    updateGeometry();
    update();
}

QString FetchBar::text() const {
    QStringList texts;
    for (const Part& part : parts_)
        texts.push_back(part.text);
    return texts.join(QStringLiteral(", "));
}

QSize FetchBar::sizeHint() const {
    int width = 0;
    for (const Part& part : parts_)
        width = std::max(width, swatch + gap + fontMetrics().horizontalAdvance(part.text));
    return {width,
            bar_height + gap + static_cast<int>(parts_.size()) * fontMetrics().lineSpacing()};
}

QSize FetchBar::minimumSizeHint() const {
    return {fontMetrics().averageCharWidth() * 20, sizeHint().height()};
}

void FetchBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const Theme theme = theme_of(palette());
    const QRectF bar(0, 0, width(), bar_height);
    double all = 0;
    for (const Part& part : parts_)
        all += static_cast<double>(part.bytes);
    double x = bar.left();
    for (const Part& part : parts_) {
        const double wide = all > 0 ? bar.width() * static_cast<double>(part.bytes) / all : 0;
        if (wide > 0)
            draw_mark(painter, QRectF(x, bar.top(), std::max(wide, 1.0), bar.height()), part.mark,
                      theme);
        x += wide;
    }
    painter.setPen(look(Mark::cold, theme).outline);
    painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5));

    painter.setPen(palette().color(QPalette::WindowText));
    const int line = fontMetrics().lineSpacing();
    int top = bar_height + gap;
    for (const Part& part : parts_) {
        draw_mark(painter, QRectF(0, top + (line - swatch) / 2.0, swatch, swatch), part.mark,
                  theme);
        const QRect place(swatch + gap, top, width() - swatch - gap, line);
        painter.drawText(place, Qt::AlignLeft | Qt::AlignVCenter,
                         fontMetrics().elidedText(part.text, Qt::ElideRight, place.width()));
        top += line;
    }
}

} // namespace coldscope::app
