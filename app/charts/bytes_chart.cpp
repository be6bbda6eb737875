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

constexpr std::array marks{Mark::asked, Mark::fetching, Mark::local};
constexpr int least_width_of_legend = 760; // below that the bars' own names must do

} // namespace

BytesChart::BytesChart(QWidget* parent)
    : ChartPanel(tr("Bytes"), parent), up_(new QBarCategoryAxis), across_(new QValueAxis) {
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
    bytes_ = {figures.bytes_asked(), figures.bytes_fetched(), input.local};
    local_known_ = input.local_known;
    draw();
    QStringList parts;
    if (bytes_[asked] != 0)
        parts << tr("asked %1").arg(size_text(bytes_[asked]))
              << tr("fetched %1 (%2)")
                     .arg(size_text(bytes_[fetched]),
                          share_text(static_cast<double>(bytes_[fetched]) /
                                     static_cast<double>(bytes_[asked])));
    if (local_known_ && input.stored != 0)
        parts << tr("local %1 (%2)")
                     .arg(size_text(bytes_[local]), share_text(static_cast<double>(bytes_[local]) /
                                                               static_cast<double>(input.stored)));
    const QString line = parts.join(QStringLiteral(" · "));
    QString description = tr("Asked for %1; fetched %2; local %3.")
                              .arg(exact_size_text(bytes_[asked]), exact_size_text(bytes_[fetched]),
                                   local_known_ ? exact_size_text(bytes_[local]) : tr("unknown"));
    if (!line.isEmpty())
        description += QLatin1Char(' ') + line + QLatin1Char('.');
    set_figures(line, description);
    setToolTip(description);
}

QString BytesChart::table() const {
    return tr("what\tbytes\nasked\t%1\nfetched\t%2\nlocal\t%3\n")
        .arg(bytes_[asked])
        .arg(bytes_[fetched])
        .arg(local_known_ ? QString::number(bytes_[local]) : tr("unknown"));
}

void BytesChart::draw() {
    const double most = static_cast<double>(*std::ranges::max_element(bytes_));
    const Unit unit = byte_unit(most);
    const std::array names{tr("asked"), tr("fetched"), tr("local")};
    QStringList categories;
    for (std::size_t i = 0; i < bars_.size(); ++i) {
        const bool known = i != local || local_known_;
        // The first category is the lowest one.
        const auto at = static_cast<int>(bars_.size() - 1 - i);
        bars_[i]->replace(at, static_cast<double>(bytes_[i]) / unit.factor);
        bars_[i]->setLabel(QStringLiteral("%1 %2").arg(
            names[i], known ? tr("%1 bytes").arg(count_text(bytes_[i])) : tr("unknown")));
        categories.prepend(names[i]);
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
