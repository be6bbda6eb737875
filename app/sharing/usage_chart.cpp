#include "app/sharing/usage_chart.h"

#include "app/style/text.h"

#include <QBarCategoryAxis>
#include <QBarSeries>
#include <QBarSet>
#include <QChart>
#include <QLegend>
#include <QPainter>
#include <QPixmap>
#include <QValueAxis>
#include <algorithm>

namespace coldscope::app {

namespace {

constexpr std::array marks{Mark::unshared, Mark::by_fingerprint, Mark::by_blob, Mark::shared_now};
// Qt Charts draws brushes: patterns stand for the marks' figures.
constexpr std::array patterns{Qt::SolidPattern, Qt::Dense6Pattern, Qt::BDiagPattern,
                              Qt::Dense4Pattern};

QBrush brush_of(std::size_t kind, const Look& look) {
    // Painted on the fill, since a pattern alone would leave the ground between.
    QPixmap tile(8, 8);
    tile.fill(look.fill);
    if (patterns[kind] != Qt::SolidPattern) {
        QPainter painter(&tile);
        painter.fillRect(tile.rect(), QBrush(look.outline, patterns[kind]));
    }
    return QBrush(tile);
}

std::uint64_t figure(const sharing::Usage& usage, std::size_t kind) {
    const std::array figures{usage.off, usage.by_fingerprint, usage.by_rfc, usage.observed};
    return figures[kind];
}

} // namespace

UsageChart::UsageChart(const UsageModel& model, QWidget* parent)
    : ChartPanel(tr("Page cache that each image adds"), parent), model_(model),
      series_(new QBarSeries), across_(new QBarCategoryAxis), up_(new QValueAxis) {
    const std::array names{tr("off"), tr("fingerprint"), tr("blob"), tr("observed")};
    for (std::size_t i = 0; i < kinds; ++i) {
        bars_[i] = new QBarSet(names[i]);
        series_->append(bars_[i]);
    }
    series_->setBarWidth(0.7);
    setMinimumWidth(fontMetrics().averageCharWidth() * 46);
    chart()->addSeries(series_);
    chart()->addAxis(across_, Qt::AlignBottom);
    chart()->addAxis(up_, Qt::AlignLeft);
    series_->attachAxis(across_);
    series_->attachAxis(up_);
    across_->setGridLineVisible(false);
    connect(&model_, &QAbstractItemModel::modelReset, this, &UsageChart::show_usage);
    show_usage();
}

void UsageChart::show_usage() {
    draw();
    std::uint64_t sum_off = 0;
    std::uint64_t sum_on = 0;
    for (const sharing::Usage& one : model_.usage()) {
        sum_off += one.off;
        sum_on += one.by_fingerprint;
    }
    const QString line =
        sum_off == 0
            ? QString()
            : tr("%1 without sharing, %2 by fingerprint (%3)")
                  .arg(size_text(sum_off), size_text(sum_on),
                       share_text(static_cast<double>(sum_on) / static_cast<double>(sum_off)));
    set_figures(line, line);
}

void UsageChart::draw() {
    // What is unknown has no bar.
    if (QBarSet* const last = bars_.back();
        model_.seen() != series_->barSets().contains(last)) {
        if (model_.seen())
            series_->append(last);
        else if (series_->take(last))
            last->setParent(this);
    }
    double most = 0;
    for (const sharing::Usage& one : model_.usage()) {
        for (std::size_t kind = 0; kind < kinds; ++kind)
            most = std::max(most, static_cast<double>(figure(one, kind)));
    }
    const Unit unit = byte_unit(most);
    QStringList categories;
    for (std::size_t i = 0; i < kinds; ++i) {
        bars_[i]->remove(0, bars_[i]->count());
        for (const sharing::Usage& one : model_.usage())
            bars_[i]->append(static_cast<double>(figure(one, i)) / unit.factor);
    }
    for (std::size_t i = 0; i < model_.usage().size(); ++i) {
        // Categories with one name are one.
        QString name = model_.images().value(static_cast<qsizetype>(i));
        name = fontMetrics().elidedText(
            name, Qt::ElideMiddle,
            std::max(60, width() / static_cast<int>(model_.usage().size() + 1)));
        categories << (categories.contains(name) ? QStringLiteral("%1 (%2)").arg(name).arg(i + 1)
                                                 : name);
    }
    if (categories != across_->categories())
        across_->setCategories(categories);
    up_->setTitleText(unit.name);
    set_range(*up_, std::max(1.0, most / unit.factor), most_ticks_up(), true);
    chart()->legend()->setVisible(height() >= 150);
}

QString UsageChart::table() const {
    return model_.csv();
}

void UsageChart::fit() {
    draw();
}

void UsageChart::recolour() {
    for (std::size_t i = 0; i < kinds; ++i) {
        const Look& one = look(marks[i], theme());
        bars_[i]->setPen(QPen(one.outline, 1));
        bars_[i]->setBrush(brush_of(i, one));
    }
    set_look(*across_, axis_look());
    set_look(*up_, axis_look());
    across_->setLabelsColor(surface_of(palette()).text);
}

} // namespace coldscope::app
