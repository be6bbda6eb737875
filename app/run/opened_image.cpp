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

constexpr std::size_t most_at_first = 5000; // of the root's entries

// Fails from when it is stopped on.
class StoppableReadAt final : public ReadAt {
public:
    StoppableReadAt(std::shared_ptr<ReadAt> file, std::shared_ptr<const std::atomic<bool>> stopped)
        : file_(std::move(file)), stopped_(std::move(stopped)) {}
    [[nodiscard]] std::uint64_t size() const override { return file_->size(); }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
        if (*stopped_)
            return failure(Code::io, "the image is not wanted any more", offset);
        return file_->read(offset, into);
    }

private:
    std::shared_ptr<ReadAt> file_;
    std::shared_ptr<const std::atomic<bool>> stopped_;
};

std::shared_ptr<ReadAt> stoppable(std::shared_ptr<ReadAt> file,
                                  const std::shared_ptr<const std::atomic<bool>>& stopped) {
    return stopped ? std::make_shared<StoppableReadAt>(std::move(file), stopped) : file;
}

// A name that a device slot says, without folders; empty when it says none.
std::string file_name_of_tag(const std::string& tag) {
    return fs::path(tag).filename().string();
}

// Bytes of each node on devices, added up to the root.
std::vector<std::uint64_t> stored_bytes(const erofs::Index& index) {
    std::vector<std::uint64_t> stored(index.size());
    for (const erofs::ReverseMap& map : index.reverse_maps()) {
        for (const erofs::ReverseExtent& extent : map.extents())
            stored[extent.node] += extent.length;
    }
    // A node's parent has a smaller id.
    for (std::size_t node = stored.size(); node-- > 1;)
        stored[index.node(static_cast<erofs::NodeId>(node)).parent] += stored[node];
    return stored;
}

std::vector<std::vector<Range>> used_ranges(const OpenedImage& image) {
    std::vector<std::vector<Range>> all(image.device_count());
    all[0].push_back({0, image.device_size(0)});
    // A flattened image's files may name further devices that it does not have.
    const std::size_t devices = std::min(all.size(), image.index.reverse_maps().size());
    for (std::size_t device = 1; device < devices; ++device) {
        std::vector<Range>& used = all[device];
        for (const erofs::ReverseExtent& extent : image.index.reverse_maps()[device].extents()) {
            const Range range{extent.address, extent.address + extent.length};
            if (!used.empty() && range.begin <= used.back().end)
                used.back().end = std::max(used.back().end, range.end);
            else
                used.push_back(range);
        }
    }
    return all;
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
    COLDSCOPE_TRY(const std::shared_ptr<ReadAt> primary, FileReadAt::open(path));
    COLDSCOPE_TRY(const auto image, erofs::Image::open(primary));
    ImageHead head;
    head.super = image->superblock();
    head.devices.assign(image->devices().begin(), image->devices().end());
    head.device_paths = device_paths;
    head.device_paths.resize(head.devices.size());
    const std::vector<std::string> found = find_blobs(path, head.devices);
    for (std::size_t i = 0; i < head.devices.size(); ++i) {
        if (head.device_paths[i].empty())
            head.device_paths[i] = found[i];
    }
    head.flattened =
        std::ranges::all_of(head.device_paths, &std::string::empty) && image->flatten();
    return head;
}

Result<std::shared_ptr<OpenedImage>> open_image(const std::string& path,
                                                const std::vector<std::string>& device_paths) {
    COLDSCOPE_TRY(const auto root, open_root(path, device_paths));
    return open_whole(*root);
}

Result<std::shared_ptr<OpenedImage>>
open_root(const std::string& path, const std::vector<std::string>& device_paths,
          const std::shared_ptr<const std::atomic<bool>>& stopped) {
    auto opened = std::make_shared<OpenedImage>();
    opened->path = path;
    opened->identity = file_identity(path);
    opened->device_paths = device_paths;
    COLDSCOPE_TRY(const std::shared_ptr<ReadAt> primary, FileReadAt::open(path));
    COLDSCOPE_TRY(opened->image,
                  erofs::Image::open(stoppable(primary, stopped), &opened->findings));
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
        if (opened->device_paths[i].empty())
            opened->device_paths[i] = found[i];
    }
    const bool none = std::ranges::all_of(opened->device_paths, &std::string::empty);
    // As a run takes it: then there is one device.
    if (none && !bootstrap && opened->image->flatten()) {
        opened->device_paths.clear();
        COLDSCOPE_TRY(opened->index, erofs::Index::build_root(*opened->image, most_at_first));
        return opened;
    }
    for (std::size_t i = 0; i < table.size(); ++i) {
        const std::string& blob = opened->device_paths[i];
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
    COLDSCOPE_TRY(opened->index, erofs::Index::build_root(*opened->image, most_at_first));
    return opened;
}

Result<std::shared_ptr<OpenedImage>>
open_whole(const OpenedImage& root, const std::shared_ptr<const std::atomic<bool>>& stopped) {
    auto opened = std::make_shared<OpenedImage>();
    opened->path = root.path;
    opened->identity = root.identity;
    opened->device_paths = root.device_paths;
    opened->devices = root.devices;
    opened->findings = root.findings;
    erofs::Findings listed_already;
    COLDSCOPE_TRY(opened->image,
                  erofs::Image::open(stoppable(root.devices[0], stopped), &listed_already));
    if (root.image->flattened())
        opened->image->flatten();
    COLDSCOPE_TRY(opened->index, erofs::Index::build(*opened->image, &opened->findings));
    opened->files = static_cast<std::uint64_t>(std::ranges::count_if(
        opened->index.nodes(), [](const erofs::Node& node) { return node.is_regular(); }));
    opened->stored = stored_bytes(opened->index);
    opened->used = used_ranges(*opened);
    return opened;
}

erofs::Findings check_opened(const std::string& path, const std::vector<std::string>& device_paths,
                             const std::shared_ptr<const std::atomic<bool>>& stopped) {
    auto primary = FileReadAt::open(path);
    if (!primary) {
        erofs::Findings findings;
        findings.add(primary.error(), "image");
        return findings;
    }
    const std::shared_ptr<ReadAt> file = stoppable(std::move(*primary), stopped);
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
    for (std::size_t i = 0; i < std::max(table.size(), device_paths.size()); ++i) {
        const std::string blob = i < device_paths.size() ? device_paths[i] : std::string();
        blobs.emplace_back();
        if (blob.empty() && i < table.size()) {
            if (const auto part =
                    erofs::flattened_device(file, checked.image->superblock(), table[i]))
                blobs.back() = erofs::GivenBlob{path, part->size()};
            continue;
        }
        std::error_code failed;
        const std::uint64_t size = fs::file_size(blob, failed);
        if (!failed)
            blobs.back() = erofs::GivenBlob{blob, size};
    }
    erofs::check_blobs(*checked.image, blobs, findings, checked.index ? &*checked.index : nullptr,
                       erofs::Missing::note);
    return findings;
}

} // namespace coldscope::app
