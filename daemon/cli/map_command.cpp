// coldscoped map: the extents of a file.
#include "core/erofs/map_append.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/open_image.h"
#include "daemon/cli/output.h"
#include "daemon/cli/rafs_text.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coldscope::cli {

namespace {

using erofs::Extent;
using erofs::ExtentKind;

constexpr std::size_t extents_at_once = 4096;

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

// Prints extents as they come.
class Printer {
public:
    Printer(Output& output, const rafs::Bootstrap* rafs, bool json)
        : output_(output), rafs_(rafs), json_(json) {}
    bool begin() {
        return json_ ? output_.write("[")
                     : output_.line(fmt::format("{:>16} {:>16}  {:<7} {:>6} {:>16}", "offset",
                                                "length", "kind", "device", "address"));
    }
    bool print(const Extent& extent) { return json_ ? print_json(extent) : print_line(extent); }
    bool end() { return !json_ || output_.line(any_ ? "\n]" : "]"); }

private:
    bool print_json(const Extent& extent) {
        nlohmann::json item = extent_json(extent);
        if (rafs_ != nullptr)
            item["chunks"] = chunks_json(rafs_, extent);
        // An element of an indented list.
        const std::string text = nlohmann::json::array({std::move(item)})
                                     .dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
        if (any_)
            output_.write(",");
        any_ = true;
        return output_.write(std::string_view(text).substr(1, text.size() - 3));
    }
    bool print_line(const Extent& extent) {
        const std::string how = how_text(extent);
        bool open = output_.line(fmt::format(
            "{:>16} {:>16}  {:<7} {:>6} {:>16}{}{}", extent.offset, extent.length,
            kind_text(extent.kind), extent.is_placed() ? fmt::format("{}", extent.device) : "-",
            extent.is_placed() ? fmt::format("{}", extent.address) : "-", how.empty() ? "" : "  ",
            how));
        for (const std::string& line : chunk_lines(rafs_, extent))
            open = output_.line(line);
        return open;
    }

    Output& output_;
    const rafs::Bootstrap* rafs_; // may be null
    bool json_;
    bool any_ = false;
};

// In pieces, since a file may have more extents than there is memory for. What goes on from one
// piece to the next is one extent.
Result<void> print_map(erofs::Image& image, const erofs::Inode& inode, Printer& printer) {
    std::vector<Extent> held;
    std::vector<Extent> piece;
    bool open = true;
    for (std::uint64_t at = 0; at < inode.size && open;) {
        piece.clear();
        const auto mapped = image.map_some(inode, at, inode.size, extents_at_once, piece);
        if (!mapped && at != 0)
            printer.end(); // of what was printed
        COLDSCOPE_TRY(const std::uint64_t reached, mapped);
        if (at == 0)
            open = printer.begin();
        for (const Extent& extent : piece) {
            erofs::append_extent(extent, held, 0);
            if (held.size() > 1) {
                open = open && printer.print(held.front());
                held.erase(held.begin());
            }
        }
        at = reached;
    }
    if (inode.size == 0)
        printer.begin();
    for (const Extent& extent : held)
        printer.print(extent);
    printer.end();
    return {};
}

} // namespace

int run_map(const ImageOptions& options) {
    const auto opened = open_image(options.image, options.devices);
    if (opened == nullptr)
        return 1;
    const auto inode = opened->image->find(options.path);
    if (!inode)
        return print_error(inode.error(), options.image);
    Output output;
    Printer printer(output, opened->rafs.get(), options.json);
    if (const auto printed = print_map(*opened->image, *inode, printer); !printed) {
        output.flush();
        return output.finish(print_error(printed.error(), options.image));
    }
    return output.finish(0);
}

} // namespace coldscope::cli
