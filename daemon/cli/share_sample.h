// What coldscoped share saw of the page cache at one time.
#pragma once

#include "daemon/cli/share_images.h"
#include "daemon/observe/watch_list.h"

#include <cstdint>
#include <vector>

namespace coldscope::cli {

// Of the images that are mounted, and of the files behind the mounts.
[[nodiscard]] WatchList watch_of(const std::vector<SharedImage>& images);
// Of each image its files that its mount has not, or of another size.
[[nodiscard]] std::vector<std::uint64_t> other_files(const std::vector<SharedImage>& images,
                                                     const WatchList& watch,
                                                     const sharing::Sample& sample);

} // namespace coldscope::cli
