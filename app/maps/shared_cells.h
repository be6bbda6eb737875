// Which cells of a device hold pages that are shared, could be, or are kept from it.
#pragma once

#include "app/maps/cells.h"
#include "app/maps/chunk_columns.h"
#include "app/run/workspace.h"

#include <vector>

namespace coldscope::app {

struct SharedCell {
    bool any = false;                          // bytes of a file
    sharing::Mark mark = sharing::Mark::alone; // the weightiest of those in it
    bool resident = false;                     // a page of it is in memory
};

// Cells [first, first + count). All without a file while nothing was compared. O(extents in them).
void find_shared_cells(const Workspace& workspace, std::uint16_t device, const CellSpace& space,
                       std::uint64_t first, std::size_t count, std::vector<SharedCell>& cells);

// In place of the state of a file's columns where they have bytes of the device.
void share_columns(const std::vector<sharing::SeenPiece>& pieces, const FileAxis& axis,
                   std::vector<Column>& columns);

} // namespace coldscope::app
