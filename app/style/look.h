// The meaning of colours: one table, light and dark, used by every view. Never hue alone: each
// look has a pattern, and those that matter a glyph. Hues: Okabe and Ito's set for people who see
// few colours.
#pragma once

#include "core/request/row.h"
#include "core/sharing/mark.h"

#include <QColor>
#include <QPalette>
#include <QString>
#include <vector>

namespace coldscope::app {

enum class Mark : unsigned char {
    refault,  // answered from what was local
    answered, // a miss that was answered
    asked,    // arrived, nothing decided yet
    fetching,
    filling,
    delayed,
    held,
    lost,
    failed,
    prefetch,
    amplified, // in maps: fetched around a miss, and asked for since
    unused,    // in maps: fetched, never asked for
    local,     // in maps
    cold,
    hole, // no bytes are stored
    // What became of a path between two images.
    added,
    removed,
    changed,
    moved,
    untold, // it is not known whether it changed
    same,
    // Whether a file's pages are, or can be, in memory once for several inodes.
    shared_now,
    by_fingerprint,
    by_blob,
    blocked,
    same_bytes,
    unshared,
};
inline constexpr int mark_count = static_cast<int>(Mark::unshared) + 1;

enum class Pattern : unsigned char {
    solid,
    hatched,     // diagonal lines
    dashed,      // solid with a dashed outline
    hollow,      // outline alone
    half,        // solid, half as high
    half_hollow, // outline alone, half as high
    dotted,
    dots,    // discs on the fill
    rings,   // hollow dots on the fill
    crosses, // small ones on the fill
};

struct Look {
    QColor fill;
    QColor outline; // contrast of 3:1 or better against the view's base
    Pattern pattern = Pattern::solid;
    QChar glyph; // null: none
};

enum class Theme : unsigned char { light, dark };
[[nodiscard]] Theme theme_of(const QPalette& palette);

[[nodiscard]] const Look& look(Mark mark, Theme theme);
// What can be read on a fill: black or white.
[[nodiscard]] QColor ink_on(const QColor& fill);
[[nodiscard]] QString name(Mark mark); // for legends and screen readers

[[nodiscard]] Mark mark_of(RequestState state);
// While it goes on, what a request that is open looks like; when it ended, what came of it.
[[nodiscard]] QString name(RequestState state);

[[nodiscard]] Mark mark_of(sharing::Mark mark);
// Those that sharing::Mark can be, in the order of legends.
[[nodiscard]] std::vector<Mark> sharing_marks();
// Of marks that fall together the one with the greatest is shown: what is blocked, then what is or
// can be shared.
[[nodiscard]] int weight(sharing::Mark mark);

// A scale of one hue, from least (0) to most (1): heat, order of access.
[[nodiscard]] QColor scale_colour(double share, Theme theme);

// Colours of a view that are no state: taken from the palette, so that they follow the desktop.
struct Surface {
    QColor base;      // what is drawn on
    QColor alternate; // every other lane or row
    QColor grid;
    QColor text;
    QColor faint; // text of less weight; 4.5:1 against base
    QColor selection;
};
[[nodiscard]] Surface surface_of(const QPalette& palette);

} // namespace coldscope::app
