#include "app/charts/throughput_chart.h"

#include "app/style/text.h"

#include <QAreaSeries>
#include <QChart>
#include <QLineSeries>
#include <QLocale>
#include <QValueAxis>
#include <algorithm>

namespace coldscope::app {

ThroughputChart::ThroughputChart(QWidget* parent)
    : RunChart(tr("Throughput"), parent), requests_(new QLineSeries),
      bytes_(new QLineSeries(this)), area_(new QAreaSeries(bytes_)), across_(new QValueAxis),
      left_(new QValueAxis), right_(new QValueAxis) {
    requests_->setName(tr("answered requests"));
    area_->setName(tr("fetched bytes"));
    chart()->addSeries(area_);
    chart()->addSeries(requests_);
    chart()->addAxis(across_, Qt::AlignBottom);
    chart()->addAxis(left_, Qt::AlignLeft);
    chart()->addAxis(right_, Qt::AlignRight);
    area_->attachAxis(across_);
    area_->attachAxis(right_);
    requests_->attachAxis(across_);
    requests_->attachAxis(left_);
    left_->setTitleText(tr("requests/s"));
    draw();
}

void ThroughputChart::show_figures(const ChartsInput& input) {
    const RunFigures& figures = *input.figures;
    bins_ = figures.bins();
    width_ = figures.bin_width();
    length_ = input.now > figures.began() ? input.now - figures.began() : 0;
    if (!input.live)
        length_ = std::max(length_, static_cast<Nanoseconds>(bins_.size()) * width_);
    // The bin of the present is not full yet: it would look like a fall.
    if (input.live && bins_.size() > length_ / width_)
        bins_.resize(length_ / width_);
    draw();

    const double time = static_cast<double>(std::max<Nanoseconds>(length_, 1)) / 1e9;
    const std::uint64_t answered = figures.ended() - figures.lost();
    const QString line =
        tr("%1 requests/s · %2 fetched on average")
            .arg(QLocale().toString(static_cast<double>(answered) / time, 'f',
                                    static_cast<double>(answered) / time < 10 ? 1 : 0),
                 rate_text(static_cast<double>(figures.bytes_fetched()) / time));
    QString description = tr("%1 requests answered and %2 fetched in %3: %4.")
                              .arg(count_text(answered), size_text(figures.bytes_fetched()),
                                   duration_text(length_), line);
    if (figures.failed() != 0 || figures.lost() != 0)
        description +=
            QLatin1Char(' ') +
            tr("%1 failed, %2 lost.").arg(count_text(figures.failed()), count_text(figures.lost()));
    set_figures(line, description);
}

QString ThroughputChart::table() const {
    QString text = tr("from s\tto s\tanswered requests\tfetched bytes\n");
    const double width = static_cast<double>(width_) / 1e9;
    for (std::size_t i = 0; i < bins_.size(); ++i)
        text += QStringLiteral("%1\t%2\t%3\t%4\n")
                    .arg(static_cast<double>(i) * width, 0, 'f', 2)
                    .arg(static_cast<double>(i + 1) * width, 0, 'f', 2)
                    .arg(bins_[i].answered)
                    .arg(bins_[i].fetched);
    return text;
}

void ThroughputChart::draw() {
    const double width = static_cast<double>(width_) / 1e9;
    double most_requests = 0;
    double most_bytes = 0;
    for (const RunFigures::Bin& bin : bins_) {
        most_requests = std::max(most_requests, static_cast<double>(bin.answered) / width);
        most_bytes = std::max(most_bytes, static_cast<double>(bin.fetched) / width);
    }
    const Unit time = time_unit(static_cast<double>(length_));
    const Unit rate = byte_unit(most_bytes);
    QList<QPointF> requests;
    QList<QPointF> bytes;
    for (std::size_t i = 0; i < bins_.size(); ++i) {
        const double at =
            (static_cast<double>(i) + 0.5) * static_cast<double>(width_) / time.factor;
        requests.append({at, static_cast<double>(bins_[i].answered) / width});
        bytes.append({at, static_cast<double>(bins_[i].fetched) / width / rate.factor});
    }
    // After the last answer there was none, up to the present.
    if (const Nanoseconds full = length_ / width_; full > bins_.size() && !bins_.empty()) {
        for (const double bin :
             {static_cast<double>(bins_.size()), static_cast<double>(full) - 1}) {
            const double at = (bin + 0.5) * static_cast<double>(width_) / time.factor;
            requests.append({at, 0});
            bytes.append({at, 0});
        }
    }
    requests_->replace(requests);
    bytes_->replace(bytes);
    across_->setTitleText(tr("time in the run, %1").arg(time.name));
    right_->setTitleText(QStringLiteral("%1/s").arg(rate.name));
    const double end = std::max(static_cast<double>(length_), 1e6) / time.factor;
    set_range(*across_, end, most_ticks_across(fontMetrics().averageCharWidth() * 6), false);
    set_range(*left_, std::max(1.0, most_requests), most_ticks_up(), true);
    set_range(*right_, std::max(1.0, most_bytes / rate.factor), most_ticks_up(), true);
}

void ThroughputChart::fit() {
    draw();
}

void ThroughputChart::recolour() {
    const Look& filling = look(Mark::filling, theme());
    QColor fill = filling.fill;
    fill.setAlphaF(0.45F);
    area_->setBrush(fill);
    area_->setPen(QPen(filling.outline, 1));
    requests_->setPen(QPen(surface_of(palette()).text, 1.5));
    set_look(*across_, axis_look());
    set_look(*left_, axis_look());
    set_look(*right_, axis_look());
    across_->setGridLineVisible(false);
    right_->setGridLineVisible(false);
}

} // namespace coldscope::app
