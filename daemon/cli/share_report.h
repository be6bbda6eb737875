// What coldscoped share says, as text, CSV or JSON.
#pragma once

#include "core/sharing/usage.h"
#include "daemon/cli/output.h"
#include "daemon/cli/share_images.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coldscope::cli {

// The page cache as it was seen.
struct SeenCache {
    const sharing::Sample& sample;
    const std::vector<sharing::SampledFile>& files;
    const sharing::Observed& observed;
    std::vector<sharing::Usage> usage; // of each image
};

struct ShareReport {
    const std::vector<SharedImage>& images;
    const sharing::Prediction& prediction; // as they are mounted, or as the options say
    const sharing::Prediction& sharing_on; // as if all had inode_share, in one domain
    bool scanned = false;
    bool files = false;                       // list each file's pieces, too
    std::optional<SeenCache> seen = {};       // nothing: see unknown
    std::string unknown = {};                 // why nothing is known of what is resident
    std::optional<std::uint64_t> number = {}; // of several reports, from 0
};

// A file with blocked pages.
struct BlockedFile {
    std::uint32_t image = 0;
    erofs::NodeId node = 0;
    sharing::Lift lift = sharing::Lift::none;
    std::uint64_t bytes = 0; // that the lift would save
};

// Those that a lift would help, the most worthwhile first. Of several images without the first:
// what is saved, is saved by those that come to it.
[[nodiscard]] std::vector<BlockedFile> worthwhile_lifts(const ShareReport& report);
// Pages of one of the files behind the mounts that are resident, in bytes.
[[nodiscard]] std::uint64_t resident_bytes(const sharing::Sample& sample,
                                           const sharing::SeenFile& file);
[[nodiscard]] const char* name(sharing::Presence residency);

// Each inode with pages once, and its pieces: as they were seen, else as predicted.
template <typename Each>
void each_file(const ShareReport& report, const Each& each) {
    for (std::uint32_t image = 0; image < report.images.size(); ++image) {
        const erofs::Index& index = report.images[image].index;
        const auto nodes = index.by_nid();
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const erofs::Node& node = index.node(nodes[i]);
            if (node.is_regular() && node.size != 0 &&
                (i == 0 || index.node(nodes[i - 1]).nid != node.nid) && !each(image, nodes[i]))
                return;
        }
    }
}
[[nodiscard]] std::vector<sharing::SeenPiece> pieces_of(const ShareReport& report,
                                                        std::uint32_t image, erofs::NodeId node);

void print_share(const ShareReport& report, Output& output);
// The table; with report.files the files' pieces in its place.
void print_share_csv(const ShareReport& report, Output& output);
// indent: -1 for one line.
void print_share_json(const ShareReport& report, int indent, Output& output);

} // namespace coldscope::cli
