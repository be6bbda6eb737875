// A strip folded to columns of pixels: what each shows. Cost: the pieces and the columns.
#pragma once

#include "app/sharing/sharing_model.h"

#include <vector>

namespace coldscope::app {

// In a column that covers several pieces the mark that matters most, and whether any is in memory.
struct StripColumn {
    sharing::Mark mark = sharing::Mark::alone;
    sharing::Presence residency = sharing::Presence::unknown;
    bool operator==(const StripColumn&) const = default;
};

// A file from its beginning to its end; of a folder its bytes by mark, each with what is in memory
// first. Empty where there is nothing to draw.
[[nodiscard]] std::vector<StripColumn> strip_columns(const FileStrip& strip, int width);

} // namespace coldscope::app
