// Benchmarks measure optimised builds alone.
#pragma once

#include <cstdio>

namespace coldscope::bench {

inline constexpr int skipped = 77; // the exit code that ctest takes for it

// Where it is not, says so.
[[nodiscard]] inline bool is_optimised() {
#ifdef NDEBUG
    return true;
#else
    std::fputs("an unoptimised build is not measured\n", stderr);
    return false;
#endif
}

} // namespace coldscope::bench
