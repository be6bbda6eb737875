// An image and its blobs, opened for a command.
#pragma once

#include "core/base/read_at.h"
#include "core/erofs/image.h"

#include <memory>
#include <string>
#include <vector>

namespace coldscope::cli {

struct OpenedImage {
    std::string name;
    std::unique_ptr<erofs::Image> image;
    // [0]: the image itself, then the blobs; null or left out: missing.
    std::vector<std::shared_ptr<ReadAt>> devices;
};

// A file whose errors name it.
[[nodiscard]] Result<std::shared_ptr<ReadAt>> open_named(const std::string& path);

// blobs: of devices 1, 2, ...; an empty name: missing. On failure prints why and returns nothing.
[[nodiscard]] std::unique_ptr<OpenedImage> open_image(const std::string& image,
                                                      const std::vector<std::string>& blobs);

} // namespace coldscope::cli
