// Which devices of any number of images are one blob.
#pragma once

#include "core/sharing/predict.h"

#include <cstdint>
#include <span>
#include <vector>

namespace coldscope::sharing {

// The blobs' numbers, of each side by device. Devices are one blob where they are one file, or
// their tags are one digest and their sizes don't contradict; a primary device only where it is one
// file. Blobs of equal bytes that are two files without a digest stay two: a scan finds their
// pages.
struct Blobs {
    std::vector<std::vector<std::uint32_t>> of;
    std::uint32_t count = 0;
};
[[nodiscard]] Blobs find_blobs(std::span<const Side> sides);

} // namespace coldscope::sharing
