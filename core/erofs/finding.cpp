#include "core/erofs/finding.h"

#include <utility>

#include <fmt/format.h>

namespace coldscope::erofs {

void Findings::add(Finding finding) {
    if (full()) {
        count(finding.severity);
        return;
    }
    if (finding.severity == Severity::error)
        ++errors_;
    list_.push_back(std::move(finding));
}

void Findings::count(Severity severity) {
    if (severity == Severity::error)
        ++errors_;
    ++left_out_;
}

void Findings::add(const Error& error, std::string structure, std::string advice, bool in_metabox) {
    std::string message = error.context;
    if (error.sys_errno != 0)
        message += fmt::format(" ({})", errno_name(error.sys_errno));
    Finding finding{Severity::error,    error.offset,     std::move(structure), {},
                    std::move(message), std::move(advice)};
    finding.in_metabox = in_metabox;
    add(std::move(finding));
}

const char* name(Severity severity) {
    switch (severity) {
    case Severity::error:
        return "error";
    case Severity::warning:
        return "warning";
    case Severity::note:
        return "note";
    }
    return "unknown";
}

std::string describe(const Finding& finding) {
    std::string text = fmt::format("{}: ", name(finding.severity));
    if (finding.offset != no_offset)
        text += fmt::format("at byte {}{}: ", finding.offset,
                            finding.in_metabox ? " of the metabox" : "");
    if (!finding.structure.empty())
        text += fmt::format("{}: ", finding.structure);
    if (!finding.field.empty() && !finding.value.empty())
        text += fmt::format("{} ({}): ", finding.field, finding.value);
    else if (!finding.field.empty())
        text += fmt::format("{}: ", finding.field);
    text += finding.message;
    if (!finding.advice.empty())
        text += fmt::format(" -> {}", finding.advice);
    return text;
}

} // namespace coldscope::erofs
