// Files that are gone at one path and there at another.
#pragma once

#include "core/compare/file_compare.h"

#include <vector>

namespace coldscope::compare {

// Makes one change of two where a removed and an added file have the same bytes: known by place,
// fingerprint, or read. Of several, those of one name are taken together first, then in order.
// Only sizes that both have are looked at, and no empty files.
[[nodiscard]] Result<void> find_moves(const Side& before, const Side& after, FileComparer& files,
                                      bool read, Meter& meter, std::vector<Change>& changes);

} // namespace coldscope::compare
