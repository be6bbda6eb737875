// Which paths of two trees are one.
#pragma once

#include "core/compare/compare.h"

#include <vector>

namespace coldscope::compare {

// Every path of both, a folder before what is in it, names in the order of their bytes. What is in
// both has Kind::same until it is compared.
[[nodiscard]] Result<std::vector<Change>> pair_paths(const erofs::Index& before,
                                                     const erofs::Index& after, Meter& meter);

} // namespace coldscope::compare
