// What the kernel here sees of an image.
#pragma once

#include "tests/golden/matrix_image.h"
#include "tests/golden/matrix_view.h"

#include <cstdint>
#include <string>
#include <variant>

namespace coldscope::golden {

// The kernel's reason where it refuses, as it says it in its log, otherwise its errno's.
struct Refused {
    std::string reason;
};

// Mounts an image from its files, in `folder`, looks at all of it, and unmounts it. Needs root.
// longest: as for view_of_folder().
// Throws std::system_error when the mount is there, but can't be read.
[[nodiscard]] std::variant<View, Refused>
view_of_mount(const MadeImage& made, const std::string& folder, std::uint64_t longest);

} // namespace coldscope::golden
