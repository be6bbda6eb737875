// An image opened to look at. All bytes come from its files, never through a mount.
#pragma once

#include "core/base/error.h"
#include "core/base/range_set.h"
#include "core/base/read_at.h"
#include "core/erofs/finding.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coldscope::app {

struct OpenedImage {
    std::string path;
    std::string identity; // of the file when it was opened: which, how long, when written
    // For the devices 1, 2, ... of the image; empty where none was given and none was found. None
    // at all where every device lies within the image's own file, which is then the only one.
    std::vector<std::string> device_paths;
    std::unique_ptr<erofs::Image> image; // the main thread's
    erofs::Index index;
    std::vector<std::shared_ptr<ReadAt>> devices; // [0]: the image itself; null: missing
    erofs::Findings findings;                     // of opening and indexing
    // Not there while only the root is:
    std::uint64_t files = 0; // regular ones; each hard link counts
    // For each node the bytes of it that lie on devices; for a directory those of all below it.
    std::vector<std::uint64_t> stored;
    // For each device the ranges that files use, ascending and disjoint. The primary device is used
    // as a whole: its other bytes are metadata.
    std::vector<std::vector<Range>> used;

    // Bytes of a device: the file's, else what the device table says, else as far as files reach.
    [[nodiscard]] std::uint64_t device_size(std::uint16_t device) const;
    // "bootstrap", "blob 1: layer.blob"
    [[nodiscard]] std::string device_name(std::uint16_t device) const;
    // The file at the path is not the one that was opened, or was written since.
    [[nodiscard]] bool replaced() const;
    [[nodiscard]] std::size_t device_count() const { return devices.size(); } // with the primary
};

// Of the file at a path now, whatever it is called: which one, how long, when written. Empty when
// there is none.
[[nodiscard]] std::string file_identity(const std::string& path);

// The beginning of an image: enough to ask for its blobs. Reads a few KiB.
struct ImageHead {
    erofs::Superblock super;
    std::vector<erofs::Device> devices;
    std::vector<std::string> device_paths; // one for each device
    bool flattened = false; // none was found, and the image's own file has all of their bytes
};
[[nodiscard]] Result<ImageHead> read_head(const std::string& path,
                                          const std::vector<std::string>& device_paths);

// Any thread. Opens tolerantly: what can be passed over is in `findings`. device_paths may be
// shorter than the device table: a blob is then what find_blobs() finds, or within the image.
[[nodiscard]] Result<std::shared_ptr<OpenedImage>>
open_image(const std::string& path, const std::vector<std::string>& device_paths);

// The same in two steps, the first of which takes no longer for more files (but a RAFS bootstrap's
// tables are read): the index has the root's entries alone, the first ones if they are many. Both
// soon give up, with whatever result, when `stopped` is set; may be null.
[[nodiscard]] Result<std::shared_ptr<OpenedImage>>
open_root(const std::string& path, const std::vector<std::string>& device_paths,
          const std::shared_ptr<const std::atomic<bool>>& stopped = {});
// With the whole index, which has the root's entries under the same ids.
[[nodiscard]] Result<std::shared_ptr<OpenedImage>>
open_whole(const OpenedImage& root, const std::shared_ptr<const std::atomic<bool>>& stopped = {});

// Any thread, with an image of its own: everything that can be said against image and blobs.
// `stopped` as in open_whole().
[[nodiscard]] erofs::Findings
check_opened(const std::string& path, const std::vector<std::string>& device_paths,
             const std::shared_ptr<const std::atomic<bool>>& stopped = {});

} // namespace coldscope::app
