// The page cache of the first and of each next image as bars: sharing off, by fingerprint, by blob,
// as observed.
#pragma once

#include "app/charts/chart_panel.h"
#include "app/sharing/usage_model.h"

#include <array>

QT_BEGIN_NAMESPACE
class QBarCategoryAxis;
class QBarSeries;
class QBarSet;
QT_END_NAMESPACE

namespace coldscope::app {

class UsageChart final : public ChartPanel {
    Q_OBJECT

public:
    // model: outlives this.
    UsageChart(const UsageModel& model, QWidget* parent);

    [[nodiscard]] QString table() const override;

protected:
    void recolour() override;
    void fit() override;

private:
    // In their order in a group.
    enum Kind : unsigned char { off, by_fingerprint, by_blob, observed };
    static constexpr std::size_t kinds = 4;

    void show_usage();
    void draw();

    const UsageModel& model_;
    std::array<QBarSet*, kinds> bars_{};
    QBarSeries* series_;
    QBarCategoryAxis* across_;
    QValueAxis* up_;
};

} // namespace coldscope::app
