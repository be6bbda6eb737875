// What the guard did and why, for whoever reads its standard error.
#pragma once

#include <cstdio>
#include <string>

namespace coldscope::guard {

inline void log(const char* what, const std::string& detail) {
    std::fprintf(stderr, "coldscope-guard: %s: %s\n", what, detail.c_str());
}

} // namespace coldscope::guard
