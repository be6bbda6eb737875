#include "app/run/opened_image.h"

#include "core/erofs/check.h"
#include "core/rafs/check.h"
#include "core/rafs/decoded_blob.h"
#include "daemon/run/blobs.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <sys/stat.h>

namespace coldscope::app {

namespace {

namespace fs = std::filesystem;

// A name that a device slot says, without folders; empty when it says none.
std::string file_name_of_tag(const std::string& tag) {
    return fs::path(tag).filename().string();
}

// Bytes of each node on devices, added up to the root.
std::vector<std::uint64_t> stored_bytes(const erofs::Index& index) {
    std::vector<std::uint64_t> stored(index.size());
    for (const erofs::ReverseMap& map : index.reverse_maps()) {
        for (const erofs::ReverseExtent& extent : map.extents()) {
            for (erofs::NodeId node = extent.node;; node = index.node(node).parent) {
                stored[node] += extent.length;
                if (node == erofs::root_node)
                    break;
            }
        }
    }
    return stored;
}

} // namespace

std::string file_identity(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return {};
    return fmt::format("{}:{}:{}:{}.{:09}", status.st_dev, status.st_ino, status.st_size,
                       status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

bool OpenedImage::replaced() const {
    return file_identity(path) != identity;
}

std::uint64_t OpenedImage::device_size(std::uint16_t device) const {
    if (device < devices.size() && devices[device])
        return devices[device]->size();
    std::uint64_t size = 0;
    if (device > 0 && device <= image->devices().size())
        size = image->devices()[device - 1].blocks << image->superblock().block_bits;
    if (size == 0 && device < index.reverse_maps().size())
        size = index.reverse_maps()[device].end();
    return size;
}

std::string OpenedImage::device_name(std::uint16_t device) const {
    if (device == 0)
        return "bootstrap";
    std::string name;
    if (device <= device_paths.size())
        name = fs::path(device_paths[device - 1]).filename().string();
    if (name.empty() && device <= image->devices().size())
        name = file_name_of_tag(image->devices()[device - 1].tag);
    return name.empty() ? fmt::format("blob {}", device) : fmt::format("blob {}: {}", device, name);
}

Result<ImageHead> read_head(const std::string& path, const std::vector<std::string>& device_paths) {
    COLDSCOPE_TRY(const auto primary, FileReadAt::open(path));
    ImageHead head;
    COLDSCOPE_TRY(head.super, erofs::read_superblock(*primary));
    COLDSCOPE_TRY(head.devices, erofs::read_device_table(*primary, head.super));
    head.device_paths = device_paths;
    head.device_paths.resize(head.devices.size());
    const std::vector<std::string> found = find_blobs(path, head.devices);
    for (std::size_t i = 0; i < head.devices.size(); ++i) {
        if (head.device_paths[i].empty())
            head.device_paths[i] = found[i];
    }
    return head;
}

Result<std::shared_ptr<OpenedImage>> open_image(const std::string& path,
                                                const std::vector<std::string>& device_paths) {
    auto opened = std::make_shared<OpenedImage>();
    opened->path = path;
    opened->identity = file_identity(path);
    opened->device_paths = device_paths;
    COLDSCOPE_TRY(std::shared_ptr<ReadAt> primary, FileReadAt::open(path));
    COLDSCOPE_TRY(opened->image, erofs::Image::open(primary, &opened->findings));
    opened->devices.push_back(primary);

    std::shared_ptr<const rafs::Bootstrap> bootstrap;
    if (auto tables = rafs::read_bootstrap(*opened->image))
        bootstrap = std::move(*tables);
    else
        opened->findings.add(tables.error(), "RAFS superblock");

    const auto table = opened->image->devices();
    opened->device_paths.resize(table.size());
    const std::vector<std::string> found = find_blobs(path, table);
    for (std::size_t i = 0; i < table.size(); ++i) {
        std::string& blob = opened->device_paths[i];
        const bool given = !blob.empty();
        if (!given)
            blob = found[i];
        if (blob.empty()) {
            opened->devices.push_back(
                erofs::flattened_device(primary, opened->image->superblock(), table[i]));
            continue;
        }
        auto file = FileReadAt::open(blob);
        if (!file)
            opened->findings.add(file.error(), fmt::format("device {}", i + 1),
                                 "Name the file that holds this blob in the start dialog.");
        const bool decodable = !rafs::is_bootstrap(opened->image->superblock()) || bootstrap;
        opened->devices.push_back(
            file && decodable ? rafs::device_of(bootstrap, i, std::move(*file)) : nullptr);
    }
    COLDSCOPE_TRY(opened->index, erofs::Index::build(*opened->image, &opened->findings));
    opened->stored = stored_bytes(opened->index);
    return opened;
}

erofs::Findings check_opened(const std::string& path,
                             const std::vector<std::string>& device_paths) {
    auto primary = FileReadAt::open(path);
    if (!primary) {
        erofs::Findings findings;
        findings.add(primary.error(), "image");
        return findings;
    }
    std::shared_ptr<ReadAt> file = std::move(*primary);
    erofs::CheckedImage checked;
    erofs::Findings findings = erofs::check_image(file, &checked);
    if (checked.image == nullptr || checked.image->devices().empty())
        return findings;
    if (rafs::is_bootstrap(checked.image->superblock())) {
        std::vector<rafs::StoredBlob> stored;
        for (const std::string& blob : device_paths) {
            stored.push_back({blob, nullptr});
            if (auto bytes = FileReadAt::open(blob))
                stored.back().bytes = std::move(*bytes);
        }
        rafs::check_bootstrap(checked, stored, false, findings);
        return findings;
    }
    std::vector<std::optional<erofs::GivenBlob>> blobs;
    const auto table = checked.image->devices();
    for (const std::string& blob : device_paths) {
        if (const std::size_t i = blobs.size(); blob.empty() && i < table.size()) {
            const auto part = erofs::flattened_device(file, checked.image->superblock(), table[i]);
            blobs.emplace_back();
            if (part != nullptr)
                blobs.back() = erofs::GivenBlob{path, part->size()};
            continue;
        }
        std::error_code failed;
        const std::uint64_t size = fs::file_size(blob, failed);
        if (blob.empty() || failed)
            blobs.emplace_back();
        else
            blobs.push_back(erofs::GivenBlob{blob, size});
    }
    erofs::check_blobs(*checked.image, blobs, findings, checked.index ? &*checked.index : nullptr,
                       erofs::Missing::note);
    return findings;
}

} // namespace coldscope::app
