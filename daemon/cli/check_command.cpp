// coldscoped check: what is wrong with an image and its blobs.
#include "core/erofs/check.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/output.h"
#include "daemon/cli/rafs_text.h"
#include "daemon/run/blobs.h"

#include <optional>

#include <fmt/format.h>

namespace coldscope::cli {

namespace {

using erofs::Finding;
using erofs::Findings;
using erofs::GivenBlob;

void check_given_blobs(const ImageOptions& options, const std::shared_ptr<ReadAt>& primary,
                       Findings& findings) {
    Findings again; // check_image() has listed these
    const auto image = erofs::Image::open(primary, &again);
    if (!image)
        return;
    if (rafs::is_bootstrap((*image)->superblock())) {
        check_rafs(**image,
                   options.devices.empty() ? find_blobs(options.image, (*image)->devices())
                                           : options.devices,
                   findings);
        return;
    }
    if (options.devices.empty()) {
        if (!(*image)->devices().empty())
            findings.add({erofs::Severity::note,
                          no_offset,
                          "device table",
                          {},
                          fmt::format("blobs not checked: {}", (*image)->devices().size()),
                          "give them with --device"});
        return;
    }
    std::vector<std::optional<GivenBlob>> blobs;
    for (const std::string& path : options.devices) {
        const auto file = FileReadAt::open(path);
        if (file) {
            blobs.push_back(GivenBlob{path, (*file)->size()});
        } else {
            blobs.push_back(std::nullopt);
            findings.add(file.error(), fmt::format("blob {}", path),
                         "give a file that can be read");
        }
    }
    const auto index = erofs::Index::build(**image);
    erofs::check_blobs(**image, blobs, findings, index ? &*index : nullptr);
}

nlohmann::json findings_json(const Findings& findings) {
    nlohmann::json list = nlohmann::json::array();
    for (const Finding& finding : findings.list()) {
        nlohmann::json item{{"severity", erofs::name(finding.severity)}, {"offset", nullptr}};
        if (finding.offset != no_offset)
            item["offset"] = finding.offset;
        set_text(item, "structure", finding.structure);
        item["field"] = finding.field;
        set_text(item, "message", finding.message);
        item["advice"] = finding.advice;
        list.push_back(std::move(item));
    }
    return {{"findings", std::move(list)},
            {"errors", findings.errors()},
            {"left_out", findings.left_out()}};
}

} // namespace

int run_check(const ImageOptions& options) {
    auto file = FileReadAt::open(options.image);
    if (!file)
        return print_error(file.error(), options.image);
    const std::shared_ptr<ReadAt> primary = std::move(*file);
    Findings findings = erofs::check_image(primary);
    check_given_blobs(options, primary, findings);
    const int code = findings.errors() == 0 ? 0 : 1;
    Output output;
    if (options.json) {
        output.json(findings_json(findings));
        return output.finish(code);
    }
    for (const Finding& finding : findings.list())
        output.line(fmt::format("{}: {}", options.image, describe(finding)));
    if (findings.left_out() != 0)
        output.line(
            fmt::format("{}: {} more findings are not shown", options.image, findings.left_out()));
    output.line(findings.empty()
                    ? fmt::format("{}: nothing found", options.image)
                    : fmt::format("{}: errors: {}, findings in all: {}", options.image,
                                  findings.errors(), findings.list().size() + findings.left_out()));
    return output.finish(code);
}

} // namespace coldscope::cli
