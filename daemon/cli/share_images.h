// The images of coldscoped share: opened, where they are mounted, and what is read of each on a
// thread of its own.
#pragma once

#include "core/erofs/index.h"
#include "core/sharing/predict.h"
#include "daemon/cli/open_image.h"
#include "daemon/guard/erofs_mounts.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coldscope::cli {

// A file that an image is mounted from, or that a live run fills for it.
struct Backing {
    std::uint16_t device = 0; // which of the image's
    std::string path;         // absolute
};

struct SharedImage {
    std::unique_ptr<OpenedImage> opened;
    erofs::Index index;
    sharing::Mounted mounted;
    std::string folder; // where it is mounted, absolute; empty: nowhere that is known
    std::optional<ErofsMount> mount;
    std::vector<Backing> backing; // with the page caches of which its own may hold memory twice

    [[nodiscard]] sharing::Side side() const {
        return {*opened->image, index, opened->devices, mounted};
    }
};

// Indexes of all images, on at most as many threads as there are processors; false when one can't
// be had, which is printed.
[[nodiscard]] bool read_indexes(std::vector<SharedImage>& images);
// Likewise their Keys, and with `scan` the digests of their pages, with a line of progress.
struct ImageSides {
    std::vector<sharing::Side> sides;
    std::vector<sharing::Keys> keys;
    std::vector<sharing::Scan> scans; // none without a scan
};
[[nodiscard]] Result<ImageSides> read_sides(const std::vector<SharedImage>& images, bool scan);

// folder: where it is mounted, empty: on the first mount whose source has the file's name, which is
// taken out of `mounts`. Errors: what has no EROFS mount, or a bind mount of a folder of it.
[[nodiscard]] Result<void> find_mount(SharedImage& image, const std::string& folder,
                                      std::vector<ErofsMount>& mounts);
// The files behind it: the image's own and its blobs, where the mount's source is the image's file;
// or those in a live run's cache folder, if that is given.
void find_backing(SharedImage& image, const std::string& cache);

} // namespace coldscope::cli
