// How much of what is to be fetched the first image has elsewhere, under other addresses.
#pragma once

#include "core/compare/compare.h"

namespace coldscope::compare {

// Fills by_content and content_block: digests the blocks that are to be fetched, then all that the
// first image needs. Nothing is to be fetched: 0 without reading. Errors: cancelled; a device that
// is not there or can't be read is left out, and all_looked_at is false then.
[[nodiscard]] Result<void> find_content(const Side& before, const Side& after, Meter& meter,
                                        Comparison& comparison);

} // namespace coldscope::compare
