#include "daemon/run/blobs.h"

#include "core/base/read_at.h"
#include "core/erofs/superblock.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>

namespace coldscope {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t uuid_digits = 32;
constexpr std::size_t max_opened = 1024; // files of a folder that are looked into

bool usable(const fs::path& path, const fs::path& image) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && !fs::equivalent(path, image, ignored);
}

std::string by_tag(const fs::path& image, const std::string& tag) {
    constexpr std::string_view algorithm = "sha256:";
    std::string name = fs::path(tag).filename().string();
    if (name.empty() || name == "." || name == ".." || tag.contains('\0'))
        return {};
    if (name.starts_with(algorithm))
        name.erase(0, algorithm.size());
    const fs::path folder = image.parent_path();
    for (const fs::path& path : {folder / name, folder / (std::string(algorithm) + name),
                                 folder / "blobs" / name, folder / "blobs" / "sha256" / name}) {
        if (usable(path, image))
            return path.string();
    }
    return {};
}

std::string by_ending(const fs::path& image) {
    for (const char* ending : {".blob", ".data", ".bin", ".tar"}) {
        if (const fs::path path = fs::path(image).replace_extension(ending); usable(path, image))
            return path.string();
    }
    return {};
}

// The images beside this one, by the digits of their UUIDs; the first in order of names.
std::map<std::string, std::string> images_by_uuid(const fs::path& image) {
    std::vector<fs::path> files;
    std::error_code failed;
    const fs::path folder = image.has_parent_path() ? image.parent_path() : fs::path(".");
    for (fs::directory_iterator item(folder, failed), end;
         !failed && item != end && files.size() < max_opened; item.increment(failed)) {
        if (usable(item->path(), image))
            files.push_back(item->path());
    }
    std::ranges::sort(files);
    std::map<std::string, std::string> found;
    for (const fs::path& path : files) {
        const auto file = FileReadAt::open(path.string());
        const auto super = file ? erofs::read_superblock(**file) : std::unexpected(file.error());
        if (!super)
            continue;
        std::string digits = super->uuid_text();
        std::erase(digits, '-');
        found.emplace(std::move(digits), path.string());
    }
    return found;
}

bool may_be_uuid(std::string_view tag) {
    return tag.size() == uuid_digits && std::ranges::all_of(tag, [](char c) {
               return std::isxdigit(static_cast<unsigned char>(c)) != 0;
           });
}

} // namespace

std::vector<std::string> find_blobs(const std::string& image,
                                    std::span<const erofs::Device> devices) {
    std::vector<std::string> paths;
    std::optional<std::map<std::string, std::string>> images;
    for (const erofs::Device& device : devices) {
        std::string path = by_tag(image, device.tag);
        if (path.empty() && may_be_uuid(device.tag)) {
            if (!images)
                images = images_by_uuid(image);
            if (const auto found = images->find(device.tag); found != images->end())
                path = found->second;
        }
        if (path.empty() && device.tag.empty() && devices.size() == 1)
            path = by_ending(image);
        paths.push_back(std::move(path));
    }
    return paths;
}

} // namespace coldscope
