// What a run came to, in three charts: latency of misses, throughput, bytes. They stand side by
// side where there is room, else one above the other.
#pragma once

#include "app/charts/run_figures.h"
#include "app/run/workspace.h"

#include <QElapsedTimer>
#include <QTimer>
#include <QWidget>
#include <array>

QT_BEGIN_NAMESPACE
class QBoxLayout;
class QLabel;
class QScrollArea;
class QStackedLayout;
QT_END_NAMESPACE

namespace coldscope::app {

class BytesChart;
class RunChart;
class LatencyChart;
class ThroughputChart;

class ChartsView final : public QWidget {
    Q_OBJECT

public:
    ChartsView(Workspace& workspace, QWidget* parent);

    // From the left or the top.
    [[nodiscard]] std::array<RunChart*, 3> panels() const;
    // How often the charts were brought up to date: at most four times a second, and not while
    // hidden.
    [[nodiscard]] unsigned updates() const { return updates_; }
    [[nodiscard]] QSize sizeHint() const override { return {900, 240}; }

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void begin();
    void schedule(int milliseconds);
    void advanced();
    void update_charts();
    void arrange();

    Workspace& workspace_;
    RunFigures figures_;
    unsigned updates_ = 0;
    bool stale_ = true; // something other than requests changed
    QTimer timer_;
    QElapsedTimer since_update_;
    QStackedLayout* stack_;
    QLabel* empty_;
    QScrollArea* area_;
    QBoxLayout* row_;
    LatencyChart* latency_;
    ThroughputChart* throughput_;
    BytesChart* bytes_;
};

} // namespace coldscope::app
