// Draws what look.h says: a filled box with its pattern, and a glyph where there is room.
#pragma once

#include "app/style/look.h"

#include <QIcon>
#include <QRectF>

class QPainter;

namespace coldscope::app {

// rect in the painter's logical pixels; boxes narrower than 3 are filled plainly.
void draw_mark(QPainter& painter, const QRectF& rect, Mark mark, Theme theme);

// A small swatch for tables, legends and menus, in both themes' right colours.
[[nodiscard]] QIcon mark_icon(Mark mark, Theme theme);

// From the desktop's theme, or the bundled one of the same name: "media-playback-start", ...
[[nodiscard]] QIcon icon(const char* name);

} // namespace coldscope::app
