#include "core/erofs/read.h"

#include <cstring>
#include <vector>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

std::unexpected<Error> missing(const Image& image, std::uint16_t id) {
    if (id == 0 || id > image.devices().size())
        return failure(Code::not_found, fmt::format("device {} is not given", id));
    const Device& device = image.devices()[id - 1U];
    const std::string size =
        device.blocks == 0
            ? "its size is not said"
            : fmt::format("{} bytes", device.blocks * image.superblock().block_size());
    return failure(
        Code::not_found,
        fmt::format("device {} (tag \"{}\", {}) is needed and not given", id, device.tag, size),
        device.slot_offset);
}

} // namespace

Result<void> read_file(Image& image, const Inode& inode, std::uint64_t offset,
                       std::span<std::byte> into,
                       std::span<const std::shared_ptr<ReadAt>> devices) {
    if (offset > inode.size || into.size() > inode.size - offset)
        return failure(Code::invalid, fmt::format("inode {}: {} bytes at {} in a file of {} bytes",
                                                  inode.nid, into.size(), offset, inode.size));
    COLDSCOPE_TRY(const std::vector<Extent> extents, image.map(inode, offset, into.size()));
    for (const Extent& extent : extents) {
        const auto part = into.subspan(static_cast<std::size_t>(extent.offset - offset),
                                       static_cast<std::size_t>(extent.length));
        if (extent.kind == ExtentKind::hole) {
            std::memset(part.data(), 0, part.size());
            continue;
        }
        if (extent.device >= devices.size() || devices[extent.device] == nullptr)
            return missing(image, extent.device);
        if (auto read = devices[extent.device]->read(extent.address, part); !read) {
            Error error = std::move(read).error();
            error.context =
                fmt::format("device {}: {} bytes at byte {} of inode {}: {}", extent.device,
                            part.size(), extent.address, inode.nid, error.context);
            return std::unexpected(std::move(error));
        }
    }
    return {};
}

} // namespace coldscope::erofs
