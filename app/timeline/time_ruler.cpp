#include "app/timeline/time_ruler.h"

#include "app/style/text.h"

#include <QLocale>
#include <QPainter>
#include <array>

namespace coldscope::app {

namespace {

constexpr QChar thin_space(0x2009);
constexpr QChar minus(0x2212);
constexpr double label_gap = 18; // logical pixels between two labels

struct Unit {
    Nanoseconds length;
    const char16_t* name;
};
constexpr std::array units{Unit{second, u"s"}, Unit{millisecond, u"ms"}, Unit{microsecond, u"µs"},
                           Unit{1, u"ns"}};

// The unit in which the greatest label has a whole part.
const Unit& unit_for(Nanoseconds greatest) {
    for (const Unit& unit : units) {
        if (greatest >= unit.length)
            return unit;
    }
    return units.back();
}

// As many decimals as a multiple of `step` needs in this unit.
int decimals_for(Nanoseconds step, const Unit& unit) {
    int decimals = 0;
    for (Nanoseconds length = unit.length; length > step && decimals < 9; length /= 10)
        ++decimals;
    return decimals;
}

QString label_of(Nanoseconds time, const Unit& unit, int decimals) {
    // Whole and broken part apart: a double holds no nanoseconds of a long run.
    QString text = QLocale().toString(static_cast<qulonglong>(time / unit.length));
    if (decimals > 0) {
        Nanoseconds rest = time % unit.length;
        for (Nanoseconds length = unit.length / 10; decimals > 0; --decimals, length /= 10) {
            if (text.size() > 0 && length * 10 == unit.length)
                text += QLocale().decimalPoint();
            text += QLocale().toString(static_cast<qulonglong>(length == 0 ? 0 : rest / length));
            rest = length == 0 ? 0 : rest % length;
        }
    }
    return text + thin_space + QString::fromUtf16(unit.name);
}

} // namespace

std::vector<Tick> ticks_of(const TimeScale& scale, Nanoseconds origin, const QFontMetricsF& metrics,
                           double ratio, Nanoseconds floor) {
    const Nanoseconds first = std::max(scale.begin, floor);
    const Nanoseconds last = scale.end();
    if (last <= first)
        return {};
    // The farther end decides on the unit; what was before the origin counts backwards.
    const Nanoseconds before = origin > first ? origin - first : 0;
    const Nanoseconds behind = last > origin ? last - origin : 0;
    const Nanoseconds greatest = std::max(before, behind);
    const Unit& unit = unit_for(greatest);
    Nanoseconds step = 1;
    for (unsigned round = 0; round < 54; ++round) {
        const double distance = static_cast<double>(step) / static_cast<double>(scale.step) / ratio;
        const QString widest = minus + label_of(greatest, unit, decimals_for(step, unit));
        if (distance >= metrics.horizontalAdvance(widest) + label_gap)
            break;
        step = round % 3 == 0 ? step * 2 : round % 3 == 1 ? step / 2 * 5 : step * 2;
    }
    const int decimals = decimals_for(step, unit);
    std::vector<Tick> ticks;
    const Nanoseconds stop = first < origin ? (last < origin ? origin - last : 1) : 0;
    if (before > 0) {
        for (Nanoseconds ago = before / step * step; ago >= stop && ago > 0; ago -= step)
            ticks.push_back({scale.column_of(origin - ago), minus + label_of(ago, unit, decimals)});
    }
    const Nanoseconds from = first > origin ? first - origin : 0;
    for (Nanoseconds since = (from + step - 1) / step * step; since < behind; since += step)
        ticks.push_back({scale.column_of(origin + since), label_of(since, unit, decimals)});
    return ticks;
}

void paint_ruler(QPainter& painter, const QRectF& rect, const std::vector<Tick>& ticks,
                 const Surface& surface, double ratio) {
    painter.save();
    painter.setClipRect(rect);
    const QFontMetricsF metrics(painter.font());
    painter.setPen(surface.grid);
    painter.drawLine(QPointF(rect.left(), rect.bottom() - 0.5),
                     QPointF(rect.right(), rect.bottom() - 0.5));
    for (const Tick& tick : ticks) {
        const double x = rect.left() + (static_cast<double>(tick.column) + 0.5) / ratio;
        painter.setPen(surface.faint);
        painter.drawLine(QPointF(x, rect.bottom() - 5), QPointF(x, rect.bottom()));
        if (x + 4 + metrics.horizontalAdvance(tick.label) > rect.right())
            continue;
        painter.drawText(QRectF(x + 4, rect.top(), 400, rect.height() - 2),
                         Qt::AlignLeft | Qt::AlignVCenter, tick.label);
    }
    painter.restore();
}

QString since_text(Nanoseconds time, Nanoseconds origin) {
    return time >= origin ? duration_text(time - origin)
                          : minus + duration_text(origin - time); // before the run began
}

} // namespace coldscope::app
