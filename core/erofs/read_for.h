// Whether a read of a device may be for a file, as when somebody says it is.
#pragma once

#include "core/erofs/image.h"
#include "core/erofs/index.h"

#include <cstdint>

namespace coldscope::erofs {

// The node has bytes in this range of a device, or in a cluster that the range is a part of.
[[nodiscard]] bool may_be_read_for(Image& image, const Index& index, NodeId node,
                                   std::uint16_t device, std::uint64_t address,
                                   std::uint64_t length);

} // namespace coldscope::erofs
