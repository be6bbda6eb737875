// What is looked at of images: files of their mounts, and the files behind these.
#pragma once

#include "core/erofs/index.h"
#include "core/sharing/usage.h"
#include "daemon/observe/observer.h"

#include <cstdint>
#include <string>
#include <vector>

namespace coldscope {

struct WatchList {
    std::vector<Watched> watched;
    std::vector<sharing::SampledFile> files; // which is which, in the same order

    // Regular files with bytes, one name of each. folder: where the image is mounted.
    void add_image(std::uint32_t image, const erofs::Index& index, const std::string& folder);
    // path: absolute, of what the image is mounted from as this device.
    void add_device(std::uint32_t image, std::uint16_t device, const std::string& path);
    [[nodiscard]] std::vector<std::string> folders() const; // of `watched`, each once
};

} // namespace coldscope
