#include "daemon/cli/open_image.h"

#include "core/rafs/decoded_blob.h"
#include "daemon/cli/output.h"
#include "daemon/run/blobs.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace coldscope::cli {

namespace {

std::string file_name_of(const std::string& path) {
    return std::filesystem::path(path).filename().string();
}

// The given blob whose name is the tag's; empty: none.
std::string blob_for(const erofs::Device& device, const std::vector<std::string>& blobs) {
    const std::string wanted = file_name_of(device.tag);
    for (const std::string& path : blobs) {
        if (!wanted.empty() && file_name_of(path) == wanted)
            return path;
    }
    return {};
}

class NamedFile final : public ReadAt {
public:
    NamedFile(std::unique_ptr<ReadAt> file, std::string name)
        : file_(std::move(file)), name_(std::move(name)) {}
    [[nodiscard]] std::uint64_t size() const override { return file_->size(); }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
        auto result = file_->read(offset, into);
        if (!result)
            result.error().context = fmt::format("{}: {}", name_, result.error().context);
        return result;
    }
    [[nodiscard]] std::string identity() const override { return file_->identity(); }

private:
    std::unique_ptr<ReadAt> file_;
    std::string name_;
};

} // namespace

Result<std::shared_ptr<ReadAt>> open_named(const std::string& path) {
    COLDSCOPE_TRY(std::unique_ptr<ReadAt> file, FileReadAt::open(path));
    return std::make_shared<NamedFile>(std::move(file), path);
}

std::vector<std::string> blobs_by_name(const std::string& image, std::vector<std::string> devices,
                                       const std::vector<std::string>& blobs) {
    auto primary = FileReadAt::open(image);
    if (!primary)
        return devices; // open_image() says why
    const auto opened = erofs::Image::open(std::move(*primary));
    if (!opened)
        return devices;
    for (std::size_t i = devices.size(); i < (*opened)->devices().size(); ++i)
        devices.push_back(blob_for((*opened)->devices()[i], blobs));
    while (!devices.empty() && devices.back().empty())
        devices.pop_back();
    return devices;
}

bool all_used(const std::vector<std::string>& blobs, std::span<OpenedImage* const> images,
              std::string_view otherwise) {
    for (const std::string& path : blobs) {
        const auto has = [&path](const OpenedImage* image) {
            return std::ranges::any_of(image->image->devices(),
                                       [&path](const erofs::Device& device) {
                                           return file_name_of(device.tag) == file_name_of(path);
                                       });
        };
        if (std::ranges::any_of(images, has))
            continue;
        print_error(
            {Code::invalid, 0, no_offset,
             fmt::format("no device of {} image has the tag \"{}\": give it with {}",
                         images.size() == 2 ? "either" : "any", file_name_of(path), otherwise)},
            path);
        return false;
    }
    return true;
}

std::unique_ptr<OpenedImage> open_image(const std::string& name,
                                        const std::vector<std::string>& blobs,
                                        std::vector<std::string>* left_out) {
    auto opened = std::make_unique<OpenedImage>();
    opened->name = name;
    auto primary = FileReadAt::open(name);
    if (!primary) {
        print_error(primary.error(), name);
        return nullptr;
    }
    opened->devices.push_back(std::move(*primary));
    opened->paths.push_back(name);
    auto image = erofs::Image::open(opened->devices[0]);
    if (!image) {
        print_error(image.error(), name);
        return nullptr;
    }
    opened->image = std::move(*image);
    const std::size_t count = opened->image->devices().size();
    if (blobs.size() > count) {
        print_error(Error{Code::invalid, 0, no_offset,
                          fmt::format("{} --device given, but its device table has {}",
                                      blobs.size(), count)},
                    name);
        return nullptr;
    }
    auto tables = rafs::read_bootstrap(*opened->image);
    if (tables)
        opened->rafs = std::move(*tables);
    else
        opened->rafs_error = tables.error();
    if (opened->rafs_error && !blobs.empty()) {
        print_error(*opened->rafs_error, name);
        return nullptr;
    }
    const std::vector<std::string> paths =
        blobs.empty() && !opened->rafs_error ? find_blobs(name, opened->image->devices()) : blobs;
    opened->paths.insert(opened->paths.end(), paths.begin(), paths.end());
    for (std::size_t i = 0; i < paths.size(); ++i) {
        if (paths[i].empty()) {
            opened->devices.push_back(blobs.empty()
                                          ? erofs::flattened_device(opened->devices[0],
                                                                    opened->image->superblock(),
                                                                    opened->image->devices()[i])
                                          : nullptr);
            continue;
        }
        auto blob = open_named(paths[i]);
        if (!blob && left_out != nullptr) {
            left_out->push_back(fmt::format("{}: {}", paths[i], describe(blob.error())));
            opened->devices.push_back(nullptr);
            continue;
        }
        if (!blob) {
            print_error(blob.error(), paths[i]);
            return nullptr;
        }
        opened->devices.push_back(rafs::device_of(opened->rafs, i, std::move(*blob)));
    }
    return opened;
}

} // namespace coldscope::cli
