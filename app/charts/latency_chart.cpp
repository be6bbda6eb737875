#include "app/charts/latency_chart.h"

#include "app/style/text.h"

#include <QBarSeries>
#include <QBarSet>
#include <QCategoryAxis>
#include <QChart>
#include <QLineSeries>
#include <QValueAxis>
#include <algorithm>
#include <cmath>

namespace coldscope::app {

namespace {

constexpr std::size_t least_decades = 2; // that are shown

// Bars stand at whole numbers, so a bin's edge lies half before its number.
double position(double bins) {
    return bins - 0.5;
}

} // namespace

LatencyChart::LatencyChart(QWidget* parent)
    : RunChart(tr("Latency of misses"), parent), bars_(new QBarSet(tr("answered misses"))),
      series_(new QBarSeries), p50_(new QLineSeries), p95_(new QLineSeries),
      across_(new QCategoryAxis), up_(new QValueAxis) {
    for (std::size_t i = 0; i < RunFigures::latency_bins; ++i)
        bars_->append(0);
    series_->append(bars_);
    series_->setBarWidth(0.86);
    p50_->setName(tr("p50"));
    p95_->setName(tr("p95"));
    chart()->addSeries(series_);
    chart()->addSeries(p50_);
    chart()->addSeries(p95_);
    chart()->addAxis(across_, Qt::AlignBottom);
    chart()->addAxis(up_, Qt::AlignLeft);
    for (QAbstractSeries* one : chart()->series()) {
        one->attachAxis(across_);
        one->attachAxis(up_);
    }
    across_->setLabelsPosition(QCategoryAxis::AxisLabelsPositionOnValue);
    across_->setTitleText(tr("latency, logarithmic"));
    up_->setTitleText(tr("misses"));
    set_range(*up_, 1, 2, true);
    set_decades(3, 5);
}

void LatencyChart::show_figures(const ChartsInput& input) {
    const RunFigures& figures = *input.figures;
    const Nanoseconds p50 = figures.percentile(50);
    const Nanoseconds p95 = figures.percentile(95);
    if (figures.latencies() != counts_) {
        counts_ = figures.latencies();
        QList<qreal> heights;
        for (const std::uint64_t count : counts_)
            heights.append(static_cast<double>(count));
        bars_->remove(0, bars_->count());
        bars_->append(heights);
    }
    most_ = *std::ranges::max_element(counts_);
    set_range(*up_, std::max(1.0, static_cast<double>(most_)), most_ticks_up(), true);
    std::size_t first = 0;
    std::size_t end = RunFigures::latency_bins;
    while (first < end && counts_[first] == 0)
        ++first;
    while (end > first && counts_[end - 1] == 0)
        --end;
    if (first < end)
        set_decades(first / RunFigures::per_decade,
                    (end + RunFigures::per_decade - 1) / RunFigures::per_decade);
    put_line(p50_, p50);
    put_line(p95_, p95);
    if (figures.misses() == 0) {
        const QString none = tr("No miss was answered yet.");
        set_figures(none, none);
        return;
    }
    const QString line =
        tr("p50 %1 · p95 %2 · max %3")
            .arg(duration_text(p50), duration_text(p95), duration_text(figures.slowest()));
    set_figures(line, tr("%1 answered misses, without those that were held or delayed: %2.")
                          .arg(count_text(figures.misses()), line));
}

QString LatencyChart::table() const {
    QString text = tr("from ns\tto ns\tmisses\n");
    for (std::size_t i = 0; i < counts_.size(); ++i)
        text += QStringLiteral("%1\t%2\t%3\n")
                    .arg(RunFigures::latency_edge(i))
                    .arg(RunFigures::latency_edge(i + 1))
                    .arg(counts_[i]);
    return text;
}

// The decades with something in them, and at least two.
void LatencyChart::set_decades(std::size_t first, std::size_t end) {
    if (end - first < least_decades && end < RunFigures::decades)
        end = first + least_decades;
    if (end - first < least_decades)
        first = end - least_decades;
    const int label_width = fontMetrics().averageCharWidth() * 9;
    const int room = most_ticks_across(label_width);
    const int every = (static_cast<int>(end - first) + room - 1) / room;
    if (first == first_decade_ && end == end_decade_ && every == labels_every_)
        return;
    first_decade_ = first;
    end_decade_ = end;
    labels_every_ = every;
    for (const QString& label : across_->categoriesLabels())
        across_->remove(label);
    const auto at = [](std::size_t decade) {
        return position(static_cast<double>(decade * RunFigures::per_decade));
    };
    across_->setRange(at(first), at(end));
    across_->setStartValue(at(first) - 1);
    for (std::size_t decade = first; decade <= end; ++decade) {
        if ((decade - first) % static_cast<std::size_t>(every) == 0)
            across_->append(
                duration_text(RunFigures::latency_edge(decade * RunFigures::per_decade)),
                at(decade));
    }
}

void LatencyChart::put_line(QLineSeries* line, Nanoseconds time) {
    if (time == 0) {
        line->clear();
        return;
    }
    const double decades = std::log10(static_cast<double>(time) / RunFigures::least_latency);
    const double at =
        std::clamp(position(decades * RunFigures::per_decade), across_->min(), across_->max());
    line->replace(QList<QPointF>{{at, 0}, {at, up_->max()}});
}

void LatencyChart::fit() {
    set_decades(first_decade_, end_decade_);
    if (most_ != 0)
        set_range(*up_, static_cast<double>(most_), most_ticks_up(), true);
    for (QLineSeries* const line : {p50_, p95_}) {
        if (line->count() == 2)
            line->replace(1, line->at(1).x(), up_->max());
    }
}

void LatencyChart::recolour() {
    const Surface surface = surface_of(palette());
    const Look& answered = look(Mark::answered, theme());
    bars_->setColor(answered.fill);
    bars_->setBorderColor(answered.fill);
    p50_->setPen(QPen(surface.text, 1.5, Qt::SolidLine));
    p95_->setPen(QPen(surface.text, 1.5, Qt::DashLine));
    set_look(*across_, axis_look());
    set_look(*up_, axis_look());
    across_->setGridLineVisible(false);
    set_decades(first_decade_, end_decade_);
}

} // namespace coldscope::app
