// Which parts of the primary device the kernel reads without asking, where it asks for file data
// alone (fanotify before Linux 7.3).
#pragma once

#include "core/base/range_set.h"
#include "core/erofs/index.h"

#include <cstdint>
#include <vector>

namespace coldscope {

// All but whole pages of regular files' data. size: the device's, in bytes.
[[nodiscard]] std::vector<Range> metadata_ranges(const erofs::Index& index, std::uint64_t size,
                                                 std::uint32_t block_size);

} // namespace coldscope
