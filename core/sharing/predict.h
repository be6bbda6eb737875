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

// How an image is mounted, or would be.
struct Mounted {
    bool inode_share = false;
    bool dax = false;
    std::string domain; // domain_id; empty: none
};

// An image. Borrowed, and kept as long as a Prediction of it; the image itself is used while its
// Keys are read only.
struct Side {
    erofs::Image& image;
    const erofs::Index& index;
    // [0]: the primary device, [i]: the device with id i; null or left out: its bytes are missing.
    std::span<const std::shared_ptr<ReadAt>> devices;
    Mounted mounted;
};

// False: stop, which ends with Code::cancelled.
using Report = std::function<bool(std::uint64_t done, std::uint64_t total)>;

// What one image's files are compared by: fingerprints, and where their pages lie.
// One thread for each image.
class Keys {
public:
    [[nodiscard]] static Result<Keys> read(const Side& side, const Report& report = {});
    // private parts: by who writes it
};

// The pages' bytes, digested where nothing else says that they are the same: a background scan.
// (shape by who writes it: takes sides and keys, a Report, gives digests of pages)

// A range of a file from a page's start to where the next piece begins, or to the file's end.
struct Piece {
    std::uint64_t begin = 0; // bytes
    std::uint64_t end = 0;   // bytes; of the last one the file's size
    Mark mark = Mark::alone;
    Reason reason = Reason::none;
};

// The smallest change that would let all of a file's blocked pages be shared.
enum class Lift : std::uint8_t {
    none,        // nothing is blocked
    share_mount, // mount both with inode_share (and without DAX)
    one_domain,  // give both mounts the same domain_id
    fingerprint, // mkfs.erofs --xattr-inode-digest
    chunk_size,  // a chunk size of at least the file's size: by blob
    no_inline,   // no inline tail (mkfs.erofs -E noinline_data): by blob
};

struct FileSharing {
    std::span<const Piece> pieces; // none for an empty file
    Lift lift = Lift::none;
    std::uint64_t lifted = 0; // bytes of pages that it would save
};

// Who else has a range of a file.
struct Holder {
    std::uint32_t image = 0; // of the sides
    NodeId node = 0;
    std::uint64_t offset = 0; // bytes in that file
    std::uint64_t length = 0; // bytes
    Mark mark = Mark::alone;  // how both share: alone for another name of the same inode
};

// Sums, in bytes of pages. Each inode counts once, whatever its names.
struct Totals {
    std::array<std::uint64_t, mark_count> by_mark{};
    std::array<std::uint64_t, reason_count> by_reason{}; // of blocked ones
    std::uint64_t files = 0;                             // inodes
};

// Reads only, from any thread.
class Prediction {
public:
    // Of all sides together. keys: of each side.
    [[nodiscard]] static Result<Prediction> make(std::span<const Side> sides,
                                                 std::vector<Keys> keys, const Report& report = {});

    // Of a regular file; nothing for others.
    [[nodiscard]] FileSharing file(std::size_t image, NodeId node) const;
    [[nodiscard]] Totals totals(std::size_t image) const;
    // Files of all images with this range or a part of it, this one left out; at most `most`.
    [[nodiscard]] std::vector<Holder> holders(std::size_t image, NodeId node, Range range,
                                              std::size_t most) const;
};

} // namespace coldscope::sharing
