#include "app/charts/axes.h"

#include <QAbstractAxis>
#include <QCoreApplication>
#include <QPen>
#include <QValueAxis>
#include <algorithm>
#include <array>
#include <cmath>

namespace coldscope::app {

Unit byte_unit(double most) {
    static constexpr std::array names{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t at = 0;
    double factor = 1;
    for (; most >= 1024 * factor && at + 1 < names.size(); ++at)
        factor *= 1024;
    return {factor, QString::fromLatin1(names[at])};
}

Unit time_unit(double most_of_ns) {
    if (most_of_ns < 1e9)
        return {1e6, QStringLiteral("ms")};
    if (most_of_ns < 180e9)
        return {1e9, QStringLiteral("s")};
    return {60e9, QCoreApplication::translate("Charts", "min")};
}

double tick_step(double range, int most_ticks) {
    const double least = std::max(range, 1e-9) / std::max(most_ticks, 1);
    const double power = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= least * (1 - 1e-9))
            return factor * power;
    }
    return 10 * power;
}

void set_range(QValueAxis& axis, double most, int most_ticks, bool whole) {
    const double step = tick_step(most, most_ticks);
    const int decimals = step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(step) - 1e-9));
    axis.setLabelFormat(QStringLiteral("%.%1f").arg(decimals));
    axis.setTickType(QValueAxis::TicksDynamic);
    axis.setTickAnchor(0);
    const double end = whole ? std::ceil(most / step - 1e-9) * step : most;
    // In this order there is never a range full of ticks in between.
    if (step > axis.tickInterval()) {
        axis.setTickInterval(step);
        axis.setRange(0, end);
    } else {
        axis.setRange(0, end);
        axis.setTickInterval(step);
    }
}

void set_look(QAbstractAxis& axis, const AxisLook& look) {
    axis.setLabelsFont(look.font);
    axis.setTitleFont(look.font);
    axis.setLabelsColor(look.text);
    axis.setTitleBrush(look.text);
    axis.setLinePenColor(look.line);
    axis.setGridLineColor(look.grid);
}

} // namespace coldscope::app
