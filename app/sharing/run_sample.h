// What would be in memory if what a run was asked for were read from every image: the pages of the
// requests' files, and of the files of the same names in the others.
#pragma once

#include "app/run/workspace.h"
#include "app/sharing/sharing_data.h"

namespace coldscope::app {

// open: which of the images the run is of. What Coldscope fetched by itself does not count. Page
// frames are not known. O(requests).
[[nodiscard]] Taken sample_of_run(const Workspace& workspace, const Predicted& predicted,
                                  std::size_t open);

} // namespace coldscope::app
