// What is known of the sharing between images. Never changes once made; any thread may read it.
#pragma once

#include "app/run/opened_image.h"
#include "app/sharing/tally.h"
#include "core/sharing/predict.h"
#include "core/sharing/usage.h"
#include "daemon/observe/watch_list.h"

#include <memory>
#include <utility>
#include <vector>

namespace coldscope::app {

using Images = std::vector<std::shared_ptr<OpenedImage>>;

struct Predicted {
    Predicted(sharing::Prediction made, sharing::Prediction shared)
        : prediction(std::move(made)), if_shared(std::move(shared)) {}

    Images images;
    std::vector<sharing::Mounted> mounted;
    sharing::Prediction prediction;
    sharing::Prediction if_shared; // all with inode_share, in one domain: what usage is told by
    FileUnion files;
    std::vector<const erofs::Index*> indices; // of images
    std::vector<sharing::Usage> usage;        // if all pages were in memory
    Tally tally;                              // nothing is known of memory
    bool scanned = false;                     // the bytes were compared
};

struct Taken {
    std::shared_ptr<const WatchList> list;
    sharing::Sample sample;
};

// A prediction as a sample shows it.
struct Seen {
    std::shared_ptr<const Predicted> predicted;
    std::shared_ptr<const Taken> taken;
    sharing::Observed observed;
    std::vector<sharing::Usage> usage; // of what is in memory
    Tally tally;
};

// Any thread; takes a while.
[[nodiscard]] std::shared_ptr<const Seen> see(std::shared_ptr<const Predicted> predicted,
                                              std::shared_ptr<const Taken> taken);

// The pieces of a regular file; without a sample its residency is unknown.
[[nodiscard]] std::vector<sharing::SeenPiece>
pieces_of(const Predicted& predicted, const Seen* seen, std::size_t image, erofs::NodeId node);

} // namespace coldscope::app
