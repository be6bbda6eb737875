// Bytes that were asked for, that were fetched (for misses, around and ahead of them), and that are
// local.
#pragma once

#include "app/charts/chart_panel.h"

#include <array>

QT_BEGIN_NAMESPACE
class QBarCategoryAxis;
class QBarSet;
QT_END_NAMESPACE

namespace coldscope::app {

class BytesChart final : public RunChart {
    Q_OBJECT

public:
    explicit BytesChart(QWidget* parent);

    void show_figures(const ChartsInput& input) override;
    [[nodiscard]] QString table() const override;

protected:
    void recolour() override;
    void fit() override;

private:
    // In their order in the bars, of which there are three: what was fetched is one of parts.
    enum Kind : unsigned char { asked, missed, amplified, prefetched, local };
    static constexpr std::size_t kinds = 5;
    [[nodiscard]] std::uint64_t fetched() const {
        return bytes_[missed] + bytes_[amplified] + bytes_[prefetched];
    }

    void draw();

    std::array<std::uint64_t, kinds> bytes_{};
    bool local_known_ = true;
    std::array<QBarSet*, kinds> bars_{}; // each has a figure in one category
    QBarCategoryAxis* up_;
    QValueAxis* across_;
};

} // namespace coldscope::app
