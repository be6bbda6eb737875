// What stands around the lanes: where ruler, labels and lanes are, and the names of groups. Shared
// by the canvas and by pictures that are made without a widget.
#pragma once

#include "app/timeline/lane_model.h"
#include "app/timeline/lane_painter.h"
#include "app/timeline/time_ruler.h"

#include <QFontMetrics>
#include <QRect>
#include <QSize>
#include <vector>

class QPainter;

namespace coldscope::app {

// Logical pixels; ruler on top, labels at the left, and the rest is the plot. Widths of labels and
// ruler are multiples of 4, so that the plot begins on a device pixel at every usual scale.
struct TimelineFrame {
    QSize size;
    int label_width = 0;
    int ruler_height = 0;
    double ratio = 1; // device pixels of a logical one

    [[nodiscard]] QRect ruler() const {
        return {label_width, 0, std::max(0, size.width() - label_width), ruler_height};
    }
    [[nodiscard]] QRect labels() const {
        return {0, ruler_height, label_width, std::max(0, size.height() - ruler_height)};
    }
    [[nodiscard]] QRect plot() const {
        return {label_width, ruler_height, std::max(0, size.width() - label_width),
                std::max(0, size.height() - ruler_height)};
    }
    // Device pixels; at least 1x1.
    [[nodiscard]] QSize plot_pixels() const;
};

// As wide as the labels need, within limits that leave room for the plot.
[[nodiscard]] TimelineFrame frame_for(QSize size, double ratio, const QFontMetrics& metrics,
                                      const LaneModel& model);

// Rows that reach into [scroll, scroll + height), device pixels.
struct RowsSeen {
    std::vector<LaneRow> rows;
    std::size_t first = 0;
    int top = 0; // device pixels of the first, from the top of what is seen; <= 0
};
[[nodiscard]] RowsSeen rows_seen(const LaneModel& model, LaneHeights heights, int scroll,
                                 int height);

// Names of the groups that are seen; one that begins further up stays at the top.
void paint_labels(QPainter& painter, const TimelineFrame& frame, const LaneModel& model,
                  LaneHeights heights, int scroll, const Surface& surface);

} // namespace coldscope::app
