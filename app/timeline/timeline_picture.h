// A recording as a picture, without a widget: ruler, labels and all lanes that fit.
#pragma once

#include "app/timeline/lane_model.h"

#include <QImage>
#include <QPalette>
#include <QSize>

namespace coldscope::app {

struct PictureOptions {
    QSize size{1280, 720}; // logical pixels; a height of 0: as high as the lanes need, to a limit
    double ratio = 1;      // device pixels of a logical one; 0.25..8
    Grouping grouping = Grouping::object;
    QPalette palette;       // light or dark
    Nanoseconds origin = 0; // of the ruler; 0: the first request
};

// Needs a QGuiApplication, for fonts. Open requests reach to the latest record.
[[nodiscard]] QImage render_timeline(EventStore& store, const TimelineNames& names,
                                     const PictureOptions& options);

} // namespace coldscope::app
