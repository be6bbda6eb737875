// What coldscoped share saw of the page cache at one time.
#pragma once

#include "core/sharing/usage.h"
#include "daemon/cli/share_images.h"
#include "daemon/observe/observer.h"

#include <memory>
#include <string>
#include <vector>

namespace coldscope::cli {

// What there is to look at: each inode of the images that are mounted once, and the files behind
// the mounts.
struct Watch {
    std::vector<Watched> watched;
    std::vector<sharing::SampledFile> files; // which is which, in the same order
    std::vector<std::string> folders;        // of `watched`, each once
};

[[nodiscard]] Watch watch_of(const std::vector<SharedImage>& images);
// Of each image its files that its mount has not, or of another size.
[[nodiscard]] std::vector<std::uint64_t> other_files(const std::vector<SharedImage>& images,
                                                     const Watch& watch,
                                                     const sharing::Sample& sample);

} // namespace coldscope::cli
