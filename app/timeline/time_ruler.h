// Where the ruler has its lines, and what stands at them: times since the run began.
#pragma once

#include "app/style/look.h"
#include "app/timeline/time_scale.h"

#include <QFontMetricsF>
#include <QRectF>
#include <QString>
#include <vector>

class QPainter;

namespace coldscope::app {

struct Tick {
    std::int64_t column = 0; // device pixels in the window
    QString label;           // empty between labels
};

// Steps of 1, 2 or 5 times a power of ten, so that labels do not touch. ratio: device pixels of a
// logical one. What is before `origin` counts backwards; before `floor` there are no ticks.
[[nodiscard]] std::vector<Tick> ticks_of(const TimeScale& scale, Nanoseconds origin,
                                         const QFontMetricsF& metrics, double ratio,
                                         Nanoseconds floor = 0);

// rect: logical; its left is column 0.
void paint_ruler(QPainter& painter, const QRectF& rect, const std::vector<Tick>& ticks,
                 const Surface& surface, double ratio);

// "+1.204 s" since the origin, to the nanosecond that a person can use.
[[nodiscard]] QString since_text(Nanoseconds time, Nanoseconds origin);

} // namespace coldscope::app
