#include "app/charts/bytes_chart.h"

#include "app/style/text.h"

#include <QBarCategoryAxis>
#include <QBarSet>
#include <QChart>
#include <QHorizontalStackedBarSeries>
#include <QLegend>
#include <QValueAxis>
#include <algorithm>

namespace coldscope::app {

namespace {

constexpr std::array marks{Mark::asked, Mark::fetching, Mark::amplified, Mark::prefetch,
                           Mark::local};
constexpr std::array bars{0, 1, 1, 1, 2}; // from the top: where each kind is
constexpr int bar_count = 3;
constexpr int least_width_of_legend = 760; // below that the bars' own names must do

} // namespace

BytesChart::BytesChart(QWidget* parent)
    : RunChart(tr("Bytes"), parent), up_(new QBarCategoryAxis), across_(new QValueAxis) {
    auto* const series = new QHorizontalStackedBarSeries;
    for (std::size_t i = 0; i < bars_.size(); ++i) {
        bars_[i] = new QBarSet(QString());
        bars_[i]->append({0, 0, 0});
        series->append(bars_[i]);
    }
    series->setBarWidth(0.62);
    chart()->addSeries(series);
    chart()->addAxis(up_, Qt::AlignLeft);
    chart()->addAxis(across_, Qt::AlignBottom);
    series->attachAxis(up_);
    series->attachAxis(across_);
    up_->setGridLineVisible(false);
    draw();
}

void BytesChart::show_figures(const ChartsInput& input) {
    const RunFigures& figures = *input.figures;
    bytes_ = {figures.bytes_asked(), figures.bytes_missed(), figures.bytes_amplified(),
              figures.bytes_prefetched(), input.local};
    local_known_ = input.local_known;
    draw();
    QStringList parts;
    if (bytes_[asked] != 0)
        parts << tr("asked %1").arg(size_text(bytes_[asked]))
              << tr("fetched %1 (%2)")
                     .arg(size_text(fetched()), share_text(static_cast<double>(fetched()) /
                                                           static_cast<double>(bytes_[asked])));
    if (bytes_[amplified] != 0)
        parts << tr("of that amplified %1").arg(size_text(bytes_[amplified]));
    if (bytes_[prefetched] != 0)
        parts << tr("prefetched %1").arg(size_text(bytes_[prefetched]));
    if (local_known_ && input.stored != 0)
        parts << tr("local %1 (%2)")
                     .arg(size_text(bytes_[local]), share_text(static_cast<double>(bytes_[local]) /
                                                               static_cast<double>(input.stored)));
    const QString line = parts.join(QStringLiteral(" · "));
    QString description = tr("Asked for %1; fetched %2; local %3.")
                              .arg(exact_size_text(bytes_[asked]), exact_size_text(fetched()),
                                   local_known_ ? exact_size_text(bytes_[local]) : tr("unknown"));
    if (!line.isEmpty())
        description += QLatin1Char(' ') + line + QLatin1Char('.');
    set_figures(line, description);
    setToolTip(description);
}

QString BytesChart::table() const {
    return tr("what\tbytes\nasked\t%1\nfetched\t%2\nfor misses\t%3\namplified\t%4\nprefetched\t%5\n"
              "local\t%6\n")
        .arg(bytes_[asked])
        .arg(fetched())
        .arg(bytes_[missed])
        .arg(bytes_[amplified])
        .arg(bytes_[prefetched])
        .arg(local_known_ ? QString::number(bytes_[local]) : tr("unknown"));
}

void BytesChart::draw() {
    const double most = static_cast<double>(std::max({bytes_[asked], fetched(), bytes_[local]}));
    const Unit unit = byte_unit(most);
    const std::array names{tr("asked"), tr("fetched for misses"), tr("amplified"), tr("prefetched"),
                           tr("local")};
    const QStringList categories{tr("local"), tr("fetched"), tr("asked")}; // the lowest is first
    for (std::size_t i = 0; i < bars_.size(); ++i) {
        const bool known = i != local || local_known_;
        bars_[i]->replace(bar_count - 1 - bars[i], static_cast<double>(bytes_[i]) / unit.factor);
        bars_[i]->setLabel(QStringLiteral("%1 %2").arg(
            names[i], known ? tr("%1 bytes").arg(count_text(bytes_[i])) : tr("unknown")));
    }
    if (categories != up_->categories())
        up_->setCategories(categories);
    across_->setTitleText(unit.name);
    set_range(*across_, std::max(1.0, most / unit.factor),
              most_ticks_across(fontMetrics().averageCharWidth() * 7), true);
    chart()->legend()->setVisible(width() >= least_width_of_legend);
}

void BytesChart::fit() {
    draw();
}

void BytesChart::recolour() {
    for (std::size_t i = 0; i < bars_.size(); ++i) {
        const Look& one = look(marks[i], theme());
        bars_[i]->setPen(QPen(one.outline, 1));
        bars_[i]->setBrush(one.pattern == Pattern::hollow ? QBrush(surface_of(palette()).base)
                                                          : QBrush(one.fill));
    }
    set_look(*across_, axis_look());
    set_look(*up_, axis_look());
    up_->setLabelsColor(surface_of(palette()).text);
}

} // namespace coldscope::app
