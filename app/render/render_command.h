// A recorded run as a picture, for places without a display.
#pragma once

#include <QString>

namespace coldscope::app {

// Draws the timeline of a file of events (coldscoped run --events) into a picture: PNG, or another
// format by the name's ending. Needs a QGuiApplication; any platform does, offscreen too. What went
// wrong is said on standard error. Returns the exit code: 0, or 1.
[[nodiscard]] int render_events(const QString& events, const QString& picture);

} // namespace coldscope::app
