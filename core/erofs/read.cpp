#include "core/erofs/read.h"

#include <algorithm>
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

// Whether decoding a cluster's beginning costs less than all of it.
bool stops_early(codec::Algorithm algorithm) {
    return algorithm == codec::Algorithm::lz4 || algorithm == codec::Algorithm::lzma;
}

class Reader {
public:
    Reader(Image& image, const Inode& inode, std::span<const std::shared_ptr<ReadAt>> devices)
        : image_(image), inode_(inode), devices_(devices) {}

    Result<void> fill(const Extent& extent, std::span<std::byte> part);

private:
    [[nodiscard]] bool has_device(const Extent& extent) const {
        return extent.in_metabox ||
               (extent.device < devices_.size() && devices_[extent.device] != nullptr);
    }
    [[nodiscard]] Result<void> read(const Extent& extent, std::uint64_t address,
                                    std::span<std::byte> into);
    [[nodiscard]] Result<void> fill_decoded(const Extent& extent, std::span<std::byte> part);
    [[nodiscard]] Result<void> decode(const Extent& extent, std::span<std::byte> into);

    Image& image_;
    const Inode& inode_;
    std::span<const std::shared_ptr<ReadAt>> devices_;
    std::vector<std::byte> encoded_;
};

// Bytes as they are stored, in the metabox or on a device.
Result<void> Reader::read(const Extent& extent, std::uint64_t address, std::span<std::byte> into) {
    if (extent.in_metabox) {
        COLDSCOPE_TRY(const auto bytes,
                      image_.metadata(true, address, into.size(), "bytes in the metabox"));
        std::ranges::copy(bytes, into.begin());
        return {};
    }
    if (!has_device(extent))
        return missing(image_, extent.device);
    if (auto read = devices_[extent.device]->read(address, into); !read) {
        Error error = std::move(read).error();
        error.context = fmt::format("device {}: {} bytes at byte {} of inode {}: {}", extent.device,
                                    into.size(), address, inode_.nid, error.context);
        return std::unexpected(std::move(error));
    }
    return {};
}

Result<void> Reader::fill_decoded(const Extent& extent, std::span<std::byte> part) {
    if (!has_device(extent))
        return missing(image_, extent.device);
    const void* const where = extent.in_metabox
                                  ? static_cast<const void*>(&image_)
                                  : static_cast<const void*>(devices_[extent.device].get());
    const ClusterCache::Key key{where, extent.address, extent.encoded, extent.decoded,
                                extent.algorithm};
    const std::size_t needed = std::size_t{extent.skip} + part.size();
    const auto kept = image_.decoded_clusters().find(key);
    if (kept.size() >= needed) {
        std::ranges::copy(kept.subspan(extent.skip, part.size()), part.begin());
        return {};
    }
    encoded_.resize(extent.encoded);
    COLDSCOPE_CHECK(read(extent, extent.address, encoded_));
    if (part.size() == extent.decoded) // wanted whole: no copy of it is needed
        return decode(extent, part);
    // Who comes back to a cluster will want the rest of it.
    const bool begin_alone = kept.empty() && stops_early(extent.algorithm);
    std::vector<std::byte> decoded(begin_alone ? needed : extent.decoded);
    COLDSCOPE_CHECK(decode(extent, decoded));
    std::ranges::copy(std::span(decoded).subspan(extent.skip, part.size()), part.begin());
    image_.decoded_clusters().keep(key, std::move(decoded));
    return {};
}

// From encoded_.
Result<void> Reader::decode(const Extent& extent, std::span<std::byte> into) {
    auto done = decode_cluster(image_.superblock(), extent, encoded_, into);
    if (!done) {
        Error error = std::move(done).error();
        error.context = fmt::format("inode {}: {}", inode_.nid, error.context);
        return std::unexpected(std::move(error));
    }
    return {};
}

Result<void> Reader::fill(const Extent& extent, std::span<std::byte> part) {
    switch (extent.kind) {
    case ExtentKind::hole:
        std::memset(part.data(), 0, part.size());
        return {};
    case ExtentKind::encoded:
        return fill_decoded(extent, part);
    case ExtentKind::data:
    case ExtentKind::inline_tail:
        break;
    }
    return read(extent, extent.address, part);
}

} // namespace

Result<void> decode_cluster(const Superblock& super, const Extent& extent,
                            std::span<const std::byte> encoded, std::span<std::byte> decoded) {
    codec::DecodeOptions options{.padding = codec::Padding::leading,
                                 .partial = extent.shared || decoded.size() < extent.decoded};
    if (extent.algorithm == codec::Algorithm::lz4 && !super.has(incompat::lz4_0padding))
        options.padding = codec::Padding::trailing;
    auto done = codec::decode(extent.algorithm, encoded, decoded, options);
    if (!done) {
        Error error = std::move(done).error();
        error.offset = extent.address;
        error.context = fmt::format("device {}: the cluster at byte {}: {}", extent.device,
                                    extent.address, error.context);
        return std::unexpected(std::move(error));
    }
    return {};
}

Result<void> read_file(Image& image, const Inode& inode, std::uint64_t offset,
                       std::span<std::byte> into,
                       std::span<const std::shared_ptr<ReadAt>> devices) {
    if (offset > inode.size || into.size() > inode.size - offset)
        return failure(Code::invalid, fmt::format("inode {}: {} bytes at {} in a file of {} bytes",
                                                  inode.nid, into.size(), offset, inode.size));
    COLDSCOPE_TRY(const std::vector<Extent> extents, image.map(inode, offset, into.size()));
    Reader reader(image, inode, devices);
    for (const Extent& extent : extents) {
        const auto part = into.subspan(static_cast<std::size_t>(extent.offset - offset),
                                       static_cast<std::size_t>(extent.length));
        COLDSCOPE_CHECK(reader.fill(extent, part));
    }
    return {};
}

} // namespace coldscope::erofs
