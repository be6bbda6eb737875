// Files to compress: made texts and made programs, of all sizes, the same at each run.
#pragma once

#include <cstdint>
#include <string>

namespace coldscope::bench {

// In an existing folder, about `bytes` of them: half of the bytes like logs and sources, half like
// machine code with tables and a tenth of noise. Most files have a few KiB, some several MiB.
// Returns an empty string, or what went wrong.
[[nodiscard]] std::string write_compressed_tree(const std::string& folder, std::uint64_t bytes);

} // namespace coldscope::bench
