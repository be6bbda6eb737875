// Which page ranges of the files of any number of images can share memory, which can't, and why.
#pragma once

#include "core/base/error.h"
#include "core/base/range_set.h"
#include "core/base/read_at.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"
#include "core/sharing/mark.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace coldscope::sharing {

using erofs::NodeId;

struct ImageKeys;
struct PageDigests;
struct Table;

// How an image is mounted, or would be.
struct Mounted {
    bool inode_share = false;
    bool dax = false;
    std::string domain;        // domain_id; empty: none
    bool block_device = false; // from one (a loop device, say), not from the image's file
    bool operator==(const Mounted&) const = default;
};

// An image. Borrowed, and kept as long as a Prediction of it; the image itself is used while its
// Keys and its Scan are read only.
struct Side {
    erofs::Image& image;
    const erofs::Index& index;
    // [0]: the primary device, [i]: the device with id i; null or left out: its bytes are missing.
    std::span<const std::shared_ptr<ReadAt>> devices;
    Mounted mounted;
};

// The same sides, mounted so that all could share by fingerprint: with inode_share, without DAX,
// from files, in one domain: the first one's, if that has a name. Where they are mounted so already
// nothing is changed.
[[nodiscard]] std::vector<Side> as_if_shared(std::span<const Side> sides);

// False: stop, which ends with Code::cancelled. In files for Keys, in bytes for a Scan, in steps
// for a Prediction.
using Report = std::function<bool(std::uint64_t done, std::uint64_t total)>;

// What one image's files are compared by: fingerprints, and where their pages lie. Copies are one.
class Keys {
public:
    // One thread for each image. A file whose map can't be read is marked unreadable. Errors:
    // cancelled; unsupported (the maps take more memory than an image of that size is given).
    [[nodiscard]] static Result<Keys> read(const Side& side, const Report& report = {});
    [[nodiscard]] const ImageKeys& keys() const { return *keys_; }

private:
    explicit Keys(std::shared_ptr<const ImageKeys> keys) : keys_(std::move(keys)) {}
    std::shared_ptr<const ImageKeys> keys_;
};

// The pages' bytes, digested: a background scan. Each stored page once, whatever files have it;
// compressed ones are decoded. 16 bytes are kept for each: half of its SHA-256, since an image's
// maker may want two pages to look the same.
class Scan {
public:
    // One thread for each image. keys: of the same side. What can't be read is marked unreadable;
    // what would be more than its devices should decode to is left out. Errors: cancelled, io (no
    // SHA-256).
    [[nodiscard]] static Result<Scan> read(const Side& side, const Keys& keys,
                                           const Report& report = {});
    [[nodiscard]] const PageDigests& digests() const { return *digests_; }

private:
    explicit Scan(std::shared_ptr<const PageDigests> digests) : digests_(std::move(digests)) {}
    std::shared_ptr<const PageDigests> digests_;
};

// A range of a file from a page's start to where the next piece begins, or to the file's end.
struct Piece {
    std::uint64_t begin = 0; // bytes
    std::uint64_t end = 0;   // bytes; of the last one the file's size
    Mark mark = Mark::alone;
    Reason reason = Reason::none;
    bool operator==(const Piece&) const = default;
};

struct FileSharing {
    std::span<const Piece> pieces; // none for an empty file
    Lift lift = Lift::none;
    std::uint64_t lifted = 0; // bytes of pages that it would save, at most
};

// Who else has a range of a file.
struct Holder {
    std::uint32_t image = 0; // of the sides
    NodeId node = 0;
    std::uint64_t offset = 0; // bytes in that file
    std::uint64_t length = 0; // bytes
    Mark mark = Mark::alone;  // how both share, or could
    Reason reason = Reason::none;
    bool same_file = false; // another name of the same inode: what it has is the same page
};

// Sums, in bytes of pages. Each inode counts once, whatever its names.
struct Totals {
    std::array<std::uint64_t, mark_count> by_mark{};
    std::array<std::uint64_t, reason_count> by_reason{}; // of blocked and alone ones
    std::uint64_t files = 0;                             // inodes with pages
};

// Reads only, from any thread.
class Prediction {
public:
    // Of all sides together. keys: of each side. scans: of each side, or none at all. Errors:
    // cancelled; invalid (not one of each); unsupported (files overlap in more ways than images of
    // their size have reason to).
    [[nodiscard]] static Result<Prediction> make(std::span<const Side> sides,
                                                 std::vector<Keys> keys, const Report& report = {},
                                                 std::vector<Scan> scans = {});
    Prediction(Prediction&&) noexcept;
    Prediction& operator=(Prediction&&) noexcept;
    ~Prediction();

    // Of a regular file; nothing for others.
    [[nodiscard]] FileSharing file(std::size_t image, NodeId node) const;
    [[nodiscard]] Totals totals(std::size_t image) const;
    // Files of all images with this range or a part of it, this name left out; at most `most`.
    // Those that share best come first, then in order of images and nodes; an inode is named once,
    // by its first name, but for this file's own.
    [[nodiscard]] std::vector<Holder> holders(std::size_t image, NodeId node, Range range,
                                              std::size_t most) const;
    [[nodiscard]] std::size_t images() const;
    [[nodiscard]] const Table& table() const { return *table_; }

private:
    explicit Prediction(std::unique_ptr<const Table> table);
    std::unique_ptr<const Table> table_;
};

} // namespace coldscope::sharing
