// Axes with ticks at round figures, and the units of what is drawn along them.
#pragma once

#include <QColor>
#include <QFont>
#include <QString>

QT_BEGIN_NAMESPACE
class QAbstractAxis;
class QValueAxis;
QT_END_NAMESPACE

namespace coldscope::app {

// A figure in this unit is figure / factor.
struct Unit {
    double factor = 1;
    QString name;
};
[[nodiscard]] Unit byte_unit(double most);       // B, KiB, MiB...
[[nodiscard]] Unit time_unit(double most_of_ns); // ms, s, min

// The distance of ticks, 1, 2 or 5 times a power of ten, of which at most so many fit in a range.
[[nodiscard]] double tick_step(double range, int most_ticks);

// The range [0, most] with ticks at round figures. The range ends at a tick where `whole`.
void set_range(QValueAxis& axis, double most, int most_ticks, bool whole);

struct AxisLook {
    QFont font;
    QColor text;
    QColor line;
    QColor grid;
};
void set_look(QAbstractAxis& axis, const AxisLook& look);

} // namespace coldscope::app
