#include "app/charts/charts_view.h"

#include "app/charts/bytes_chart.h"
#include "app/charts/latency_chart.h"
#include "app/charts/throughput_chart.h"
#include "app/style/faint.h"

#include <QBoxLayout>
#include <QLabel>
#include <QScrollArea>
#include <QScrollBar>
#include <QStackedLayout>
#include <algorithm>

namespace coldscope::app {

namespace {

constexpr int turn_ms = 250;            // between two updates at least
constexpr int least_width_of_row = 860; // below, charts stand one above the other
constexpr int least_height_stacked = 210;
constexpr int least_height_of_row = 170;

} // namespace

ChartsView::ChartsView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), figures_(workspace.host().began_at()),
      stack_(new QStackedLayout(this)), empty_(new QLabel), area_(new QScrollArea),
      latency_(new LatencyChart(nullptr)), throughput_(new ThroughputChart(nullptr)),
      bytes_(new BytesChart(nullptr)) {
    setAccessibleName(tr("Charts"));
    empty_->setText(tr("No requests yet.\nStart a run: its latency, throughput and bytes are drawn "
                       "here as requests are answered."));
    empty_->setAlignment(Qt::AlignCenter);
    empty_->setWordWrap(true);
    empty_->setMargin(16);
    empty_->setAutoFillBackground(true);
    empty_->setBackgroundRole(QPalette::Base);
    make_faint(empty_);

    auto* const inside = new QWidget;
    row_ = new QBoxLayout(QBoxLayout::LeftToRight, inside);
    row_->setContentsMargins(0, 0, 0, 0);
    row_->setSpacing(1);
    for (RunChart* const panel : panels())
        row_->addWidget(panel, 1);
    area_->setWidget(inside);
    area_->setWidgetResizable(true);
    area_->setFrameShape(QFrame::NoFrame);
    area_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area_->setFocusPolicy(Qt::NoFocus);
    stack_->addWidget(empty_);
    stack_->addWidget(area_);

    timer_.setSingleShot(true);
    connect(&timer_, &QTimer::timeout, this, &ChartsView::update_charts);
    RunHost& host = workspace_.host();
    connect(&host, &RunHost::began, this, &ChartsView::begin);
    connect(&host, &RunHost::advanced, this, &ChartsView::advanced);
    const auto other = [this] {
        stale_ = true;
        advanced();
    };
    connect(&host, &RunHost::phase_changed, this, other);
    connect(&workspace_.residency(), &Residency::changed, this, other);
    connect(&workspace_, &Workspace::image_changed, this, other);
    arrange();
}

std::array<RunChart*, 3> ChartsView::panels() const {
    return {latency_, throughput_, bytes_};
}

// The store is another.
void ChartsView::begin() {
    figures_ = RunFigures(workspace_.host().began_at());
    stale_ = true;
    advanced();
}

void ChartsView::advanced() {
    if (!isVisible())
        return;
    const qint64 since = since_update_.isValid() ? since_update_.elapsed() : turn_ms;
    schedule(static_cast<int>(std::max<qint64>(0, turn_ms - since)));
}

void ChartsView::schedule(int milliseconds) {
    if (!timer_.isActive() || timer_.remainingTime() > milliseconds)
        timer_.start(milliseconds);
}

void ChartsView::update_charts() {
    since_update_.start();
    ++updates_;
    RunHost& host = workspace_.host();
    const bool changed = figures_.update(host.store());
    const bool live = host.live() || host.phase() == RunHost::Phase::stopping;
    if (figures_.ended() == 0 && figures_.bytes_fetched() == 0) {
        stack_->setCurrentWidget(empty_);
        return;
    }
    stack_->setCurrentWidget(area_);
    const Residency& residency = workspace_.residency();
    const ChartsInput input{&figures_,
                            host.began_at() != 0 ? host.now() : 0,
                            live,
                            residency.known(),
                            residency.total_local(),
                            residency.total_stored()};
    const bool all = changed || stale_;
    stale_ = false;
    for (RunChart* const panel : panels()) {
        panel->set_simulated(host.simulated());
        if (all || panel == throughput_) // time alone goes on in one of them
            panel->show_figures(input);
    }
    if (live) {
        const auto width = static_cast<int>(figures_.bin_width() / millisecond);
        schedule(std::max(turn_ms, width));
    }
}

void ChartsView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    arrange();
    stale_ = true;
    update_charts();
}

void ChartsView::hideEvent(QHideEvent* event) {
    QWidget::hideEvent(event);
    timer_.stop();
}

void ChartsView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    arrange();
}

void ChartsView::arrange() {
    const bool beside = width() >= least_width_of_row;
    row_->setDirection(beside ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    for (RunChart* const panel : panels())
        panel->setMinimumHeight(beside ? least_height_of_row : least_height_stacked);
}

} // namespace coldscope::app
