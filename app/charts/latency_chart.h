// How long answered misses took: a histogram on a logarithmic axis, with lines at p50 and p95.
#pragma once

#include "app/charts/chart_panel.h"

QT_BEGIN_NAMESPACE
class QBarSeries;
class QBarSet;
class QCategoryAxis;
class QLineSeries;
QT_END_NAMESPACE

namespace coldscope::app {

class LatencyChart final : public RunChart {
    Q_OBJECT

public:
    explicit LatencyChart(QWidget* parent);

    void show_figures(const ChartsInput& input) override;
    [[nodiscard]] QString table() const override;

protected:
    void recolour() override;
    void fit() override;

private:
    using Counts = std::array<std::uint64_t, RunFigures::latency_bins>;

    void set_decades(std::size_t first, std::size_t end);
    void put_line(QLineSeries* line, Nanoseconds time);

    Counts counts_{};
    std::size_t first_decade_ = 0; // of those that are shown
    std::size_t end_decade_ = 0;
    int labels_every_ = 0; // decades
    std::uint64_t most_ = 0;
    QBarSet* bars_;
    QBarSeries* series_;
    QLineSeries* p50_;
    QLineSeries* p95_;
    QCategoryAxis* across_;
    QValueAxis* up_;
};

} // namespace coldscope::app
