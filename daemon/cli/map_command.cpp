// coldscoped map: the extents of a file.
#include "daemon/cli/commands.h"
#include "daemon/cli/open_image.h"
#include "daemon/cli/output.h"

#include <fmt/format.h>

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
    }
    return "unknown";
}

nlohmann::json extent_json(const Extent& extent) {
    nlohmann::json item{{"offset", extent.offset},
                        {"length", extent.length},
                        {"kind", kind_text(extent.kind)},
                        {"device", nullptr},
                        {"address", nullptr}};
    if (extent.kind != ExtentKind::hole) {
        item["device"] = extent.device;
        item["address"] = extent.address;
    }
    return item;
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
        const bool hole = extent.kind == ExtentKind::hole;
        output.line(fmt::format("{:>16} {:>16}  {:<7} {:>6} {:>16}", extent.offset, extent.length,
                                kind_text(extent.kind),
                                hole ? "-" : fmt::format("{}", extent.device),
                                hole ? "-" : fmt::format("{}", extent.address)));
    }
    return output.finish(0);
}

} // namespace coldscope::cli
