// coldscoped check: what is wrong with an image and its blobs.
#include "core/erofs/check.h"
#include "core/erofs/fields.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/data_check.h"
#include "daemon/cli/output.h"
#include "daemon/cli/rafs_text.h"
#include "daemon/run/blobs.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace coldscope::cli {

namespace {

using erofs::Finding;
using erofs::Findings;
using erofs::GivenBlob;

// By device; "" for none.
std::vector<std::string> blob_paths(const ImageOptions& options, const erofs::Image& image) {
    return options.devices.empty() ? find_blobs(options.image, image.devices()) : options.devices;
}

void check_given_blobs(const ImageOptions& options, erofs::CheckedImage& checked,
                       std::vector<std::shared_ptr<ReadAt>> devices, Findings& findings) {
    erofs::Image& image = *checked.image;
    const std::optional<erofs::Index>& index = checked.index;
    const std::vector<std::string> paths = blob_paths(options, image);
    std::vector<std::optional<GivenBlob>> blobs;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        std::string name = paths[i];
        std::shared_ptr<ReadAt> device;
        if (name.empty() && i < image.devices().size()) {
            device = erofs::flattened_device(devices[0], image.superblock(), image.devices()[i]);
            name = options.image;
        } else if (auto file = FileReadAt::open(name)) {
            device = std::move(*file);
        } else {
            findings.add(file.error(), fmt::format("blob {}", name),
                         "give a file that can be read");
        }
        blobs.emplace_back();
        if (device != nullptr)
            blobs.back() = GivenBlob{std::move(name), device->size()};
        devices.push_back(std::move(device));
    }
    erofs::check_blobs(image, blobs, findings, index ? &*index : nullptr, erofs::Missing::note);
    if (options.data && index)
        check_data(image, *index, devices, data_threads(devices), findings);
    if (!options.digests)
        return;
    for (std::size_t i = 0; i < image.devices().size() && i + 1 < devices.size(); ++i) {
        if (devices[i + 1] != nullptr)
            erofs::check_digest(image, i, *devices[i + 1], blobs[i]->name, findings);
    }
    if (index)
        erofs::check_fingerprints(image, *index, devices, findings);
}

// The fields of the entry that a finding is about, its own marked.
void print_fields(erofs::Image& image, const Finding& finding, Output& output) {
    const auto bytes = erofs::place_bytes(image, finding.place);
    if (finding.place.structure == erofs::Structure::none || !bytes)
        return;
    const auto fields = erofs::fields_of(image.superblock(), finding.place, *bytes);
    const auto wrong = erofs::field_of(finding, fields);
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const erofs::Field& field = fields[i];
        if (!wrong || field.group == fields[*wrong].group)
            output.line(fmt::format("  {} {:>12} +{:<3} {:<24} {}", wrong == i ? ">" : " ",
                                    field.offset, field.width, field.name, field.value));
    }
}

nlohmann::json findings_json(const Findings& findings) {
    nlohmann::json list = nlohmann::json::array();
    for (const Finding& finding : findings.list()) {
        nlohmann::json item{{"severity", erofs::name(finding.severity)}, {"offset", nullptr}};
        if (finding.offset != no_offset)
            item["offset"] = finding.offset;
        set_text(item, "structure", finding.structure);
        item["in_metabox"] = finding.in_metabox;
        item["field"] = finding.field;
        set_text(item, "value", finding.value);
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
    erofs::CheckedImage checked;
    Findings findings = erofs::check_image(primary, &checked);
    erofs::Image* const image = checked.image.get();
    if (image != nullptr && rafs::is_bootstrap(image->superblock()))
        check_rafs(checked, blob_paths(options, *image), options.data, findings);
    else if (image != nullptr)
        check_given_blobs(options, checked, {primary}, findings);
    const int code = findings.errors() == 0 ? 0 : 1;
    Output output;
    if (options.json) {
        output.json(findings_json(findings));
        return output.finish(code);
    }
    for (const Finding& finding : findings.list()) {
        output.line(fmt::format("{}: {}", options.image, describe(finding)));
        if (options.verbose && image != nullptr)
            print_fields(*image, finding, output);
    }
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
