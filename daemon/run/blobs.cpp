#include "daemon/run/blobs.h"

#include <filesystem>
#include <string_view>

namespace coldscope {

std::string find_blob(const std::string& image, const erofs::Device& device) {
    namespace fs = std::filesystem;
    constexpr std::string_view algorithm = "sha256:";
    std::string name = fs::path(device.tag).filename().string();
    if (name.empty() || name == "." || name == ".." || device.tag.contains('\0'))
        return {};
    if (name.starts_with(algorithm))
        name.erase(0, algorithm.size());
    const fs::path folder = fs::path(image).parent_path();
    std::error_code ignored;
    for (const fs::path& path : {folder / name, folder / (std::string(algorithm) + name),
                                 folder / "blobs" / name, folder / "blobs" / "sha256" / name}) {
        if (fs::is_regular_file(path, ignored) && !fs::equivalent(path, image, ignored))
            return path.string();
    }
    return {};
}

std::vector<std::string> find_blobs(const std::string& image,
                                    std::span<const erofs::Device> devices) {
    std::vector<std::string> paths;
    for (const erofs::Device& device : devices)
        paths.push_back(find_blob(image, device));
    return paths;
}

} // namespace coldscope
