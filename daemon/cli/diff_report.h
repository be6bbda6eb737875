// A comparison of two images as text or JSON.
#pragma once

#include "core/compare/compare.h"
#include "daemon/cli/output.h"

#include <string>
#include <vector>

namespace coldscope::cli {

struct DiffReport {
    const std::string& old_name;
    const std::string& new_name;
    const compare::Side& before;
    const compare::Side& after;
    const compare::Comparison& comparison;
    bool summary = false; // no paths
    bool all = false;     // paths that are the same, too
};

void print_diff(const DiffReport& report, Output& output);
void print_diff_json(const DiffReport& report, Output& output);

} // namespace coldscope::cli
