// What a Sample of the page cache says of a Prediction's images: the RFC's table, and each file's
// pieces as they are now.
#pragma once

#include "core/sharing/predict.h"
#include "core/sharing/sample.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace coldscope::sharing {

// Which file of a Sample is which: one for each of Sample::files, in the same order. One file may
// be there more than once: an image that is mounted twice, a bind mount, an overlay. One that has
// another size than the image's file is none: what was looked at is no mount of that image.
struct SampledFile {
    static constexpr std::uint32_t nobody = ~std::uint32_t{0};
    std::uint32_t image = nobody; // nobody: it is none of the images' files
    NodeId node = erofs::no_node; // no_node: the file is what the image is mounted from, as
    std::uint16_t device = 0;     // this device (0: the primary one)
};

// What one image adds to those before it. Bytes of whole pages.
struct Usage {
    std::uint64_t off = 0;            // resident pages of its inodes, each once
    std::uint64_t by_fingerprint = 0; // those that neither an image before it nor another inode of
    std::uint64_t by_rfc = 0;         // its own could have in common: inode_share, the RFC's rule
    std::uint64_t observed = 0;       // page frames that no image before it has
    std::uint64_t unknown = 0;        // those whose page frame could not be told: not in `observed`
    std::uint64_t files = 0;          // inodes with resident pages
};

// For all pages of the files (as if all were read; observed is 0), or of those that a Sample found.
[[nodiscard]] std::vector<Usage> usage_of_all(const Prediction& prediction);
[[nodiscard]] std::vector<Usage> usage_of(const Prediction& prediction, const Sample& sample,
                                          std::span<const SampledFile> files);

// A part of a Piece that is alike in all that is said of it. The mark is shared_now where a page of
// it is another inode's as well.
struct SeenPiece {
    Piece piece;
    Presence residency = Presence::unknown;
    bool twice = false; // resident in the blob's page cache, too; of what is stored plain
};

// Who has the same physical pages.
struct SeenHolder {
    std::uint32_t file = 0;   // in Sample::files; SampledFile says which it is
    std::uint64_t offset = 0; // bytes in that file
    std::uint64_t length = 0; // bytes, whole pages
    bool same_file = false;   // one inode (st_dev, st_ino), seen by two names or mounts
};

// Bytes of whole pages; each inode (st_dev, st_ino) counts once.
struct SeenTotals {
    std::uint64_t resident = 0;
    std::uint64_t shared_now = 0; // of these
    std::uint64_t twice = 0;      // of these
    std::uint64_t files = 0;      // inodes with resident pages
};

// Reads only, from any thread.
class Observed {
public:
    // All outlive it. files: as for usage_of().
    Observed(const Prediction& prediction, const Sample& sample,
             std::span<const SampledFile> files);
    Observed(Observed&&) noexcept;
    Observed& operator=(Observed&&) noexcept;
    ~Observed();

    // Of a file wherever it was seen: resident is what one of its inodes has. Not seen, or it could
    // not be looked at: the predicted pieces, unknown.
    [[nodiscard]] std::vector<SeenPiece> file(std::size_t image, NodeId node) const;
    // Who has pages of this range of the file now: at most `most`, as far as a bounded search goes.
    [[nodiscard]] std::vector<SeenHolder> holders(std::size_t image, NodeId node, Range range,
                                                  std::size_t most) const;
    [[nodiscard]] SeenTotals of_file(std::size_t image, NodeId node) const;
    [[nodiscard]] SeenTotals totals(std::size_t image) const;
    // How many of Sample::files were left out, since they have another size than the image's file.
    [[nodiscard]] std::size_t strangers() const;

private:
    struct State;
    std::unique_ptr<const State> state_;
};

} // namespace coldscope::sharing
