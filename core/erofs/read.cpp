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

// What is read and decoded for one call, in bytes: some large clusters, and so many times what is
// asked for. A file whose every block is the beginning of another large cluster needs more than
// others; none needs as much.
constexpr std::uint64_t few_clusters = std::uint64_t{64} << 20;
constexpr std::uint64_t most_work = 64; // bytes for each that is asked for

// Of clusters that are read with those that follow: bytes of one, and of all.
constexpr std::uint64_t small_cluster = 64 << 10;
constexpr std::uint64_t most_at_once = 256 << 10;

class Reader {
public:
    // asked: bytes, of all extents.
    Reader(Image& image, const Inode& inode, std::span<const std::shared_ptr<ReadAt>> devices,
           std::uint64_t asked)
        : image_(image), inode_(inode), devices_(devices), left_(few_clusters + asked * most_work) {
    }

    // Small clusters that lie one behind the other, from the first extent on, are read at once:
    // fill() finds them. What can't be read, it will say.
    void read_ahead(std::span<const Extent> extents);
    Result<void> fill(const Extent& extent, std::span<std::byte> part);

private:
    [[nodiscard]] ClusterCache::Key key_of(const Extent& extent) const {
        const void* const where = extent.in_metabox
                                      ? static_cast<const void*>(&image_)
                                      : static_cast<const void*>(devices_[extent.device].get());
        return {where, extent.address, extent.encoded, extent.decoded, extent.algorithm};
    }
    [[nodiscard]] bool has_device(const Extent& extent) const {
        return extent.in_metabox ||
               (extent.device < devices_.size() && devices_[extent.device] != nullptr);
    }
    [[nodiscard]] Result<void> read(const Extent& extent, std::uint64_t address,
                                    std::span<std::byte> into);
    [[nodiscard]] Result<void> fill_decoded(const Extent& extent, std::span<std::byte> part);
    [[nodiscard]] Result<void> decode_beginning(const Extent& extent, std::span<std::byte> into);
    [[nodiscard]] Result<void> read_encoded(const Extent& extent, std::size_t length,
                                            std::size_t decoded);
    [[nodiscard]] Result<void> decode(const Extent& extent, std::span<std::byte> into);

    Image& image_;
    const Inode& inode_;
    std::span<const std::shared_ptr<ReadAt>> devices_;
    std::uint64_t left_; // bytes that may still be read and decoded
    std::vector<std::byte> encoded_;
    std::vector<std::byte> ahead_; // what read_ahead() has read
    Range ahead_at_;
    std::uint16_t ahead_device_ = 0;
};

void Reader::read_ahead(std::span<const Extent> extents) {
    const std::uint64_t first = extents[0].address;
    if (extents[0].device == ahead_device_ && first >= ahead_at_.begin && first < ahead_at_.end)
        return;
    Range run{first, first};
    std::size_t count = 0;
    for (const Extent& extent : extents) {
        if (extent.kind != ExtentKind::encoded || extent.in_metabox || !has_device(extent) ||
            extent.device != extents[0].device || extent.address != run.end ||
            extent.encoded > small_cluster || run.length() + extent.encoded > most_at_once ||
            !image_.decoded_clusters().find(key_of(extent)).empty())
            break;
        run.end += extent.encoded;
        ++count;
    }
    if (count < 2 || run.length() > left_ || !image_.may_decode(run.length()))
        return;
    left_ -= run.length();
    ahead_at_ = {};
    ahead_.resize(static_cast<std::size_t>(run.length()));
    if (!devices_[extents[0].device]->read(run.begin, ahead_))
        return;
    ahead_at_ = run;
    ahead_device_ = extents[0].device;
}

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
    if (extent.device == ahead_device_ && address >= ahead_at_.begin && address < ahead_at_.end &&
        into.size() <= ahead_at_.end - address) {
        std::memcpy(into.data(), ahead_.data() + (address - ahead_at_.begin), into.size());
        return {};
    }
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
    const ClusterCache::Key key = key_of(extent);
    const std::size_t needed = std::size_t{extent.skip} + part.size();
    const auto kept = image_.decoded_clusters().find(key);
    if (kept.size() >= needed) {
        std::ranges::copy(kept.subspan(extent.skip, part.size()), part.begin());
        return {};
    }
    if (part.size() == extent.decoded) // wanted whole: no copy of it is needed
        return decode_beginning(extent, part);
    // Who comes back to a cluster will want the rest of it.
    const bool begin_alone = kept.empty() && stops_early(extent.algorithm);
    const std::size_t length = begin_alone ? needed : extent.decoded;
    image_.decoded_clusters().make_room(length);
    std::vector<std::byte> decoded(length);
    COLDSCOPE_CHECK(decode_beginning(extent, decoded));
    std::ranges::copy(std::span(decoded).subspan(extent.skip, part.size()), part.begin());
    image_.decoded_clusters().keep(key, std::move(decoded));
    return {};
}

Result<void> Reader::read_encoded(const Extent& extent, std::size_t length, std::size_t decoded) {
    const std::uint64_t work = std::uint64_t{length} + decoded;
    if (!image_.may_decode(work))
        return failure(Code::corrupt,
                       fmt::format("inode {}: the image takes more decoding than one of its size "
                                   "needs",
                                   inode_.nid),
                       extent.address);
    if (work > left_)
        return failure(Code::corrupt,
                       fmt::format("inode {}: its bytes lie in clusters that hold far more than is "
                                   "taken from them",
                                   inode_.nid),
                       extent.address);
    left_ -= work;
    encoded_.resize(length);
    return read(extent, extent.address, encoded_);
}

// Of a cluster that holds more than is wanted, as much is read as that takes.
Result<void> Reader::decode_beginning(const Extent& extent, std::span<std::byte> into) {
    const std::size_t enough =
        image_.superblock().block_size() + codec::enough_for(extent.algorithm, into.size());
    const bool part = extent.shared || into.size() < extent.decoded;
    if (part && enough < extent.encoded) {
        COLDSCOPE_CHECK(read_encoded(extent, enough, into.size()));
        if (decode(extent, into))
            return {};
    }
    COLDSCOPE_CHECK(read_encoded(extent, extent.encoded, into.size()));
    return decode(extent, into);
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
    Reader reader(image, inode, devices, into.size());
    for (std::size_t i = 0; i < extents.size(); ++i) {
        const Extent& extent = extents[i];
        const auto part = into.subspan(static_cast<std::size_t>(extent.offset - offset),
                                       static_cast<std::size_t>(extent.length));
        reader.read_ahead(std::span(extents).subspan(i));
        COLDSCOPE_CHECK(reader.fill(extent, part));
    }
    return {};
}

} // namespace coldscope::erofs
