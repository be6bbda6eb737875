// Which files an image's blobs are, where nobody says so.
#pragma once

#include "core/erofs/device.h"

#include <span>
#include <string>
#include <vector>

namespace coldscope {

// For each device, in their order, a file beside the image; empty where there is none.
// - called as its tag, a name or a digest: in the image's folder, or in a folder "blobs" there, as
//   OCI layouts and Nydus keep them. Tags lead to no other folder.
// - an EROFS image in the image's folder whose UUID is the tag, as mkfs.erofs writes it where it
//   merges images.
// - where the image has one device, and that no tag, the image's name with another ending.
[[nodiscard]] std::vector<std::string> find_blobs(const std::string& image,
                                                  std::span<const erofs::Device> devices);

} // namespace coldscope
