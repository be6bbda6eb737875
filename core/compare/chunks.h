// The chunks of the second image that the first one has, too.
#pragma once

#include "core/compare/compare.h"

namespace coldscope::compare {

// Fills the chunk counts of comparison.devices, whose to_fetch is set. Errors: cancelled.
[[nodiscard]] Result<void> count_chunks(const Side& after, Meter& meter, Comparison& comparison);

} // namespace coldscope::compare
