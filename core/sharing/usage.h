// The RFC's table: page cache that the first and each next image takes, without sharing (the sum
// over images) and with it (the union of what can be, or is, shared).
#pragma once

#include "core/sharing/predict.h"
#include "core/sharing/sample.h"

#include <cstdint>
#include <span>
#include <vector>

namespace coldscope::sharing {

// Which file of a Sample is which of an image.
struct SampledFile {
    std::uint32_t image = 0;
    NodeId node = 0;
};

// What one image adds to those before it. Bytes of whole pages.
struct Usage {
    std::uint64_t off = 0;            // resident pages of its inodes, each once
    std::uint64_t by_fingerprint = 0; // those that no image before it could have in common with it,
    std::uint64_t by_rfc = 0;         // by inode_share, or by the RFC's rule
    std::uint64_t observed = 0;       // page frames that no image before it has; 0 where unknown
    std::uint64_t files = 0;          // inodes with resident pages
};

// For all pages of the files (as if all were read), or of those that a Sample found.
[[nodiscard]] std::vector<Usage> usage_of_all(const Prediction& prediction, std::size_t images);
[[nodiscard]] std::vector<Usage> usage_of(const Prediction& prediction, std::size_t images,
                                          const Sample& sample, std::span<const SampledFile> files);

// The pieces of a file as a sample shows them: Mark::shared_now where a page of it is another
// inode's as well, and for each range whether it is resident.
struct SeenPiece {
    Piece piece;
    Residency residency = Residency::unknown;
};

// (an Observed class by who writes it: built from a Prediction and a Sample, answers for a file the
// list of SeenPieces, and for a range the holders with which it shares now; "same file" for one
// inode seen twice, by bind mount, overlay or hard link)

} // namespace coldscope::sharing
