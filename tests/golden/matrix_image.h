// An image as coldscoped sees it, through core and by the program itself.
#pragma once

#include "core/base/read_at.h"
#include "core/erofs/image.h"
#include "tests/golden/matrix_view.h"

#include <memory>
#include <string>
#include <vector>

namespace coldscope::golden {

// An image that was made, with its blobs in the device table's order.
struct MadeImage {
    std::string image;
    std::vector<std::string> blobs;
    std::uint64_t offset = 0; // bytes of the file before the image
};

// The same, opened by core. Throws std::runtime_error with the error's text.
struct CoreImage {
    explicit CoreImage(const MadeImage& made);
    std::unique_ptr<erofs::Image> image;
    std::vector<std::shared_ptr<ReadAt>> devices;
};

// Every name, inode, xattr and byte; check_image() and the index must agree with them.
// Files longer than `longest` have no bytes here.
[[nodiscard]] View view_of_image(CoreImage& opened, std::uint64_t longest);

// coldscoped's ls, stat, cat and map of these files, against a view. What differs; empty: nothing.
[[nodiscard]] std::string program_differs(const MadeImage& made, const View& view,
                                          const std::vector<std::string>& paths);

} // namespace coldscope::golden
