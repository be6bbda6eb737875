// Bytes that were asked for, that were fetched for that, and that are local.
#pragma once

#include "app/charts/chart_panel.h"

#include <array>

QT_BEGIN_NAMESPACE
class QBarCategoryAxis;
class QBarSet;
QT_END_NAMESPACE

namespace coldscope::app {

class BytesChart final : public ChartPanel {
    Q_OBJECT

public:
    explicit BytesChart(QWidget* parent);

    void show_figures(const ChartsInput& input) override;
    [[nodiscard]] QString table() const override;

protected:
    void recolour() override;
    void fit() override;

private:
    enum Kind : unsigned char { asked, fetched, local }; // from the top

    void draw();

    std::array<std::uint64_t, 3> bytes_{};
    bool local_known_ = true;
    std::array<QBarSet*, 3> bars_{}; // each has a figure in the category of its own
    QBarCategoryAxis* up_;
    QValueAxis* across_;
};

} // namespace coldscope::app
