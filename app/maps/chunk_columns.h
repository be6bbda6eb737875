// A file folded to the columns of a strip: what each column of pixels shows. Cost: the extents in
// the window, and the columns; never a box for each chunk.
#pragma once

#include "app/maps/cells.h"
#include "core/erofs/image.h"

#include <cstdint>
#include <vector>

namespace coldscope::app {

// A window of a file on columns 0..width-1.
struct FileAxis {
    double begin = 0; // bytes
    double end = 1;
    int width = 1; // > 0
    [[nodiscard]] double per_column() const { return (end - begin) / width; }
    [[nodiscard]] double column_of(double offset) const { return (offset - begin) / per_column(); }
    [[nodiscard]] double offset_of(double column) const { return begin + column * per_column(); }
};

struct Column {
    Mark mark = Mark::hole;
    bool any = false;       // bytes of this device, or a hole
    std::uint64_t data = 0; // bytes of this device
    std::uint64_t local = 0;
};

// What of a device's bytes is known, as ranges of the device: see DeviceState.
struct StripInput {
    std::uint16_t device = 0;
    DeviceState state;
};

// extents: of the whole file, as Image::map() gives them. Holes show in each strip.
void find_columns(const std::vector<erofs::Extent>& extents, const StripInput& input,
                  const FileAxis& axis, std::vector<Column>& columns);

} // namespace coldscope::app
