// Which EROFS file systems are mounted here, as /proc/self/mountinfo tells it. Asks nothing of the
// mounts, which may be dead.
#pragma once

#include "core/sharing/predict.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope::app {

struct ErofsMount {
    std::string folder;
    std::string source;               // a path as it was mounted, of a loop device that of its file
    sharing::Mounted mounted;         // its domain is not told by the kernel
    std::vector<std::string> devices; // further sources
};

// In order, later ones above earlier ones on the same folder.
[[nodiscard]] std::vector<ErofsMount> erofs_mounts();
// The same from the text of such a file.
[[nodiscard]] std::vector<ErofsMount> parse_mounts(std::string_view mountinfo);

// The topmost one on this folder; or the first of this image's file.
[[nodiscard]] std::optional<ErofsMount> mount_at(const std::string& folder);
[[nodiscard]] std::optional<ErofsMount> mount_of_image(const std::string& image);

} // namespace coldscope::app
