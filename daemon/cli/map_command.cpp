// coldscoped map: the extents of a file.
#include "daemon/cli/commands.h"
#include "daemon/cli/open_image.h"
#include "daemon/cli/output.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coldscope::cli {

namespace {

using erofs::Extent;
using erofs::ExtentKind;

const char* kind_text(ExtentKind kind) {
    switch (kind) {
    case ExtentKind::data:
        return "data";
    case ExtentKind::inline_tail:
        return "inline";
    case ExtentKind::hole:
        return "hole";
    case ExtentKind::encoded:
        return "encoded";
    }
    return "unknown";
}

nlohmann::json extent_json(const Extent& extent) {
    nlohmann::json item{{"offset", extent.offset},
                        {"length", extent.length},
                        {"kind", kind_text(extent.kind)},
                        {"device", nullptr},
                        {"address", nullptr}};
    if (extent.is_placed()) {
        item["device"] = extent.device;
        item["address"] = extent.address;
    }
    if (extent.in_metabox)
        item["metabox_offset"] = extent.address;
    if (extent.fragment != Extent::no_fragment)
        item["packed_offset"] = extent.fragment;
    if (extent.kind == ExtentKind::encoded) {
        item["algorithm"] = codec::name(extent.algorithm);
        item["encoded"] = extent.encoded;
        item["decoded"] = extent.decoded;
        item["skip"] = extent.skip;
        item["shared"] = extent.shared;
    }
    return item;
}

// What the columns do not say.
std::string how_text(const Extent& extent) {
    std::vector<std::string> parts;
    if (extent.kind == ExtentKind::encoded) {
        parts.push_back(fmt::format("{}: {} to {}", codec::name(extent.algorithm), extent.encoded,
                                    extent.decoded));
        if (extent.skip != 0)
            parts.push_back(fmt::format("from {} on", extent.skip));
        if (extent.shared)
            parts.emplace_back("shared");
    }
    if (extent.fragment != Extent::no_fragment)
        parts.push_back(fmt::format("fragment at {} of the packed inode", extent.fragment));
    if (extent.in_metabox)
        parts.push_back(fmt::format("at {} of the metabox", extent.address));
    return fmt::format("{}", fmt::join(parts, ", "));
}

} // namespace

int run_map(const ImageOptions& options) {
    const auto opened = open_image(options.image, options.devices);
    if (opened == nullptr)
        return 1;
    const auto inode = opened->image->find(options.path);
    if (!inode)
        return print_error(inode.error(), options.image);
    const auto extents = opened->image->map(*inode, 0, inode->size);
    if (!extents)
        return print_error(extents.error(), options.image);
    Output output;
    if (options.json) {
        nlohmann::json list = nlohmann::json::array();
        for (const Extent& extent : *extents)
            list.push_back(extent_json(extent));
        output.json(list);
        return output.finish(0);
    }
    output.line(fmt::format("{:>16} {:>16}  {:<7} {:>6} {:>16}", "offset", "length", "kind",
                            "device", "address"));
    for (const Extent& extent : *extents) {
        const std::string how = how_text(extent);
        output.line(fmt::format("{:>16} {:>16}  {:<7} {:>6} {:>16}{}{}", extent.offset,
                                extent.length, kind_text(extent.kind),
                                extent.is_placed() ? fmt::format("{}", extent.device) : "-",
                                extent.is_placed() ? fmt::format("{}", extent.address) : "-",
                                how.empty() ? "" : "  ", how));
    }
    return output.finish(0);
}

} // namespace coldscope::cli
