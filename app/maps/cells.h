// What the cells of a map show: each the worst state of the bytes in it.
#pragma once

#include "app/maps/touches.h"
#include "app/run/opened_image.h"
#include "app/style/look.h"

#include <QString>
#include <cstdint>
#include <span>
#include <vector>

namespace coldscope::app {

// How bad a mark of a map is: held, failed, in flight, cold, fetched for nobody, ahead of somebody,
// around something, local, hole.
[[nodiscard]] int badness(Mark mark);

struct Cell {
    Mark mark = Mark::hole;
    std::uint64_t used = 0;  // bytes that files use
    std::uint64_t local = 0; // bytes
    std::uint64_t cold = 0;  // bytes that are used and not local
};

// Part of a device, in cells of equal size; the last one ends with the device.
struct CellSpace {
    std::uint64_t size = 0;       // of the device, bytes
    std::uint64_t cell_bytes = 1; // > 0
    [[nodiscard]] std::uint64_t count() const {
        return size / cell_bytes + (size % cell_bytes != 0 ? 1 : 0);
    }
    [[nodiscard]] Range range(std::uint64_t cell) const;
    [[nodiscard]] std::uint64_t cell_of(std::uint64_t address) const {
        return address / cell_bytes;
    }
};

struct OpenRange {
    Range range;
    Mark mark = Mark::asked;
};

// What is known of a device. Ranges ascend and are disjoint, but for `open`.
struct DeviceState {
    std::span<const Range> used;
    std::vector<Range> missing; // of the window at least: what is not local
    std::vector<Range> failed;
    std::vector<OpenRange> open;
    // Of the window: what was brought by no miss and was asked for since, or never was.
    std::vector<Range> prefetched;
    std::vector<Range> amplified;
    std::vector<Range> unused;
};

// Of what is open, the ranges on one device. O(open).
[[nodiscard]] std::vector<OpenRange> open_ranges(Workspace& workspace, std::uint16_t device);

// What of a range was not brought by misses, and what never was asked for; empty where nothing.
[[nodiscard]] QString origins_text(const Workspace& workspace, const DeviceRange& place);

// State of a window of a device.
[[nodiscard]] DeviceState device_state(Workspace& workspace, const Touches& touches,
                                       std::span<const Range> used, const DeviceRange& window);

// Cells [first, first + count). O(cells + ranges in them).
void find_cells(const CellSpace& space, const DeviceState& state, std::uint64_t first,
                std::size_t count, std::vector<Cell>& cells);

} // namespace coldscope::app
