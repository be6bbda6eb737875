// Answered requests and fetched bytes a second, over the run.
#pragma once

#include "app/charts/chart_panel.h"

#include <QList>
#include <QPointF>
#include <vector>

QT_BEGIN_NAMESPACE
class QAreaSeries;
class QLineSeries;
QT_END_NAMESPACE

namespace coldscope::app {

class ThroughputChart final : public RunChart {
    Q_OBJECT

public:
    explicit ThroughputChart(QWidget* parent);

    void show_figures(const ChartsInput& input) override;
    [[nodiscard]] QString table() const override;
    [[nodiscard]] const QLineSeries& requests() const { return *requests_; }
    [[nodiscard]] const QLineSeries& bytes() const { return *bytes_; }

protected:
    void recolour() override;
    void fit() override;

private:
    void draw();

    std::vector<RunFigures::Bin> bins_;
    Nanoseconds width_ = RunFigures::least_width;
    Nanoseconds length_ = 0; // of the time that is shown
    QLineSeries* requests_;
    QLineSeries* bytes_; // the area's upper end
    QAreaSeries* area_;
    QValueAxis* across_;
    QValueAxis* left_;
    QValueAxis* right_;
};

} // namespace coldscope::app
