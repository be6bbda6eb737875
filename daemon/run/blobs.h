// Which files an image's blobs are, where nobody says so.
#pragma once

#include "core/erofs/device.h"

#include <span>
#include <string>
#include <vector>

namespace coldscope {

// A file beside the image that is called as the device's tag, a name or a digest: in its folder, or
// in a folder "blobs" there, as OCI layouts and Nydus keep them. Empty where there is none. Tags
// lead to no other folder.
[[nodiscard]] std::string find_blob(const std::string& image, const erofs::Device& device);

// For each device, in their order.
[[nodiscard]] std::vector<std::string> find_blobs(const std::string& image,
                                                  std::span<const erofs::Device> devices);

} // namespace coldscope
