// What the view of two images says beside its table.
#pragma once

#include "app/compare/comparer.h"

#include <QString>

namespace coldscope::app {

// The image's, without its folder.
[[nodiscard]] QString file_name(const OpenedImage& image);
// For a progress bar.
[[nodiscard]] QString phase_text(compare::Phase phase);
// A line for the blobs that are not there, and one for each warning; empty: nothing to say.
[[nodiscard]] QString notes_text(const Compared& compared);

} // namespace coldscope::app
