#include "core/erofs/image.h"

#include "core/base/checked.h"
#include "core/erofs/read.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::uint64_t position_bits = 13;     // more entries than a 64 KiB block can hold
constexpr std::uint64_t max_link_length = 4096; // bytes; the kernel reads one page

Error not_found(std::string_view path, int sys_errno) {
    return Error{Code::not_found, sys_errno, no_offset,
                 fmt::format("no \"{}\" in the image", path)};
}

} // namespace

// A file of the image as a ReadAt: the metabox, or the packed inode. It must not outlive the
// image, and works on the primary device only.
class Image::NestedFile final : public ReadAt {
public:
    NestedFile(Image& image, const Inode& inode) : image_(image), inode_(inode) {}
    [[nodiscard]] std::uint64_t size() const override { return inode_.size; }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
        return read_file(image_, inode_, offset, into, std::span(&image_.primary_, 1));
    }

private:
    Image& image_;
    Inode inode_;
};

Result<std::unique_ptr<Image>> Image::open(std::shared_ptr<ReadAt> primary, Findings* tolerant) {
    COLDSCOPE_TRY(Superblock super, read_superblock(*primary, tolerant));
    COLDSCOPE_TRY(std::vector<Device> devices, read_device_table(*primary, super, tolerant));
    return std::unique_ptr<Image>(
        new Image(std::move(primary), std::move(super), std::move(devices)));
}

Image::Image(std::shared_ptr<ReadAt> primary, Superblock super, std::vector<Device> devices)
    : primary_(std::move(primary)), super_(std::move(super)), devices_(std::move(devices)),
      resolver_(super_, devices_), meta_(primary_) {}

Image::~Image() = default;

bool Image::flatten() {
    const auto within = [&](const Device& device) {
        return flattened_device(primary_, super_, device) != nullptr;
    };
    if (devices_.empty() || !std::ranges::all_of(devices_, within))
        return false;
    resolver_ = DeviceResolver::flattened(super_, devices_);
    flattened_ = true;
    return true;
}

Result<MetaReader*> Image::metabox() {
    if (metabox_ == nullptr) {
        if (super_.metabox_nid == 0)
            return failure(Code::corrupt, "an inode is said to be in a metabox that is not there");
        COLDSCOPE_TRY(const Inode box, inode(super_.metabox_nid));
        if (box.size > metadata_room())
            return failure(Code::corrupt,
                           fmt::format("the metabox is said to have {} bytes, more than the image "
                                       "has room for",
                                       box.size),
                           box.offset + 8);
        metabox_ = std::make_unique<MetaReader>(nested(box));
    }
    return metabox_.get();
}

std::shared_ptr<ReadAt> Image::nested(const Inode& inode) {
    return std::make_shared<NestedFile>(*this, inode);
}

Result<std::span<const std::byte>> Image::metadata(bool in_metabox, std::uint64_t offset,
                                                   std::size_t length, const char* what) {
    if (!in_metabox)
        return meta_.view(offset, length, what);
    COLDSCOPE_TRY(MetaReader* const box, metabox());
    return box->view(offset, length, what);
}

Result<Inode> Image::inode(std::uint64_t nid) {
    COLDSCOPE_TRY(const std::uint64_t offset, inode_offset(super_, nid));
    const bool in_metabox = (nid & metabox_nid_bit) != 0;
    COLDSCOPE_TRY(auto bytes, metadata(in_metabox, offset, compact_inode_size, "inode"));
    const std::uint32_t size = inode_slot_size(load_le<std::uint16_t>(bytes.data()));
    if (size > bytes.size()) {
        COLDSCOPE_TRY(bytes, metadata(in_metabox, offset, size, "extended inode"));
    }
    return parse_inode(super_, nid, offset, bytes);
}

Result<Inode> Image::find(std::string_view path) {
    COLDSCOPE_TRY(Inode here, inode(root_nid()));
    std::size_t at = 0;
    while (true) {
        at = std::min(path.find_first_not_of('/', at), path.size());
        if (at == path.size())
            return here;
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view component = path.substr(at, end - at);
        at = end;
        if (!here.is_directory())
            return std::unexpected(not_found(path, ENOTDIR));
        COLDSCOPE_TRY(const auto nid, look_up(here, component));
        if (!nid)
            return std::unexpected(not_found(path, ENOENT));
        COLDSCOPE_TRY(here, inode(*nid));
    }
}

std::uint64_t Image::directory_blocks(const Inode& directory) const {
    if (directory.size == 0)
        return 0;
    return ((directory.size - 1) >> super_.block_bits) + 1;
}

Result<Image::RawBlock> Image::directory_block(const Inode& directory, std::uint64_t block) {
    const std::uint64_t start = block << super_.block_bits;
    if (block >= directory_blocks(directory))
        return failure(Code::invalid,
                       fmt::format("directory {}: no block {}", directory.nid, block));
    // Blocks that chunks share could make a directory of any size out of a small image.
    if (directory.size > metadata_room())
        return failure(Code::corrupt,
                       fmt::format("directory {} of {} bytes is larger than the image can hold",
                                   directory.nid, directory.size),
                       directory.offset + 8);
    const auto length = static_cast<std::size_t>(
        std::min<std::uint64_t>(super_.block_size(), directory.size - start));
    scratch_.clear();
    COLDSCOPE_CHECK(map_into(directory, start, length, scratch_));
    for (const Extent& extent : scratch_) {
        if (extent.kind == ExtentKind::hole)
            return failure(Code::corrupt,
                           fmt::format("directory {}: block {} is a hole", directory.nid, block),
                           directory.offset);
        if (extent.device != 0)
            return failure(Code::unsupported,
                           fmt::format("directory {} is stored on device {}, not in the image",
                                       directory.nid, extent.device),
                           directory.offset);
    }
    if (scratch_.size() == 1 && scratch_[0].kind != ExtentKind::encoded &&
        !scratch_[0].in_metabox) {
        COLDSCOPE_TRY(const auto bytes, meta_.view(scratch_[0].address, length, "directory block"));
        return RawBlock{bytes, scratch_[0].address};
    }
    const std::uint64_t address = scratch_.empty() ? directory.offset : scratch_[0].address;
    block_.resize(length);
    COLDSCOPE_CHECK(read_file(*this, directory, start, block_, std::span(&primary_, 1)));
    return RawBlock{block_, address};
}

std::uint64_t Image::metadata_room() const {
    constexpr std::uint64_t ratio = 16; // of what compresses metadata well
    return super_.may_be_compressed() ? std::min(size(), ~std::uint64_t{0} / ratio) * ratio
                                      : size();
}

Result<std::optional<std::uint64_t>> Image::look_up(const Inode& directory, std::string_view name) {
    if (!directory.is_directory())
        return failure(Code::invalid, fmt::format("inode {} is no directory", directory.nid));
    if (name == "." && directory.dot_omitted)
        return directory.nid;
    // The last block whose first name is not greater than the wanted one.
    std::uint64_t low = 0;
    std::uint64_t high = directory_blocks(directory);
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        COLDSCOPE_TRY(const RawBlock raw, directory_block(directory, middle));
        COLDSCOPE_TRY(const DirBlock block, DirBlock::open(raw.bytes, raw.offset));
        COLDSCOPE_TRY(const DirEntry first, block.entry(0));
        const int order = first.name.compare(name);
        if (order == 0)
            return first.nid;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return std::nullopt;
    COLDSCOPE_TRY(const RawBlock raw, directory_block(directory, low - 1));
    COLDSCOPE_TRY(const DirBlock block, DirBlock::open(raw.bytes, raw.offset));
    COLDSCOPE_TRY(const std::size_t index, block.find(name));
    if (index == block.count())
        return std::nullopt;
    COLDSCOPE_TRY(const DirEntry entry, block.entry(index));
    return entry.nid;
}

Result<void> Image::for_each_entry(const Inode& directory, std::uint64_t from,
                                   const EntryCallback& callback) {
    if (!directory.is_directory())
        return failure(Code::invalid, fmt::format("inode {} is no directory", directory.nid));
    const std::uint64_t blocks = directory_blocks(directory);
    auto index = static_cast<std::size_t>(from & ((1U << position_bits) - 1));
    std::vector<std::byte> copy; // the callback may call other methods
    for (std::uint64_t number = from >> position_bits; number < blocks; ++number, index = 0) {
        COLDSCOPE_TRY(const RawBlock raw, directory_block(directory, number));
        copy.assign(raw.bytes.begin(), raw.bytes.end());
        COLDSCOPE_TRY(const DirBlock block, DirBlock::open(copy, raw.offset));
        for (; index < block.count(); ++index) {
            COLDSCOPE_TRY(const DirEntry entry, block.entry(index));
            if (!callback(entry, (number << position_bits) | (index + 1)))
                return {};
        }
    }
    return {};
}

Result<std::string> Image::link_target(const Inode& symlink) {
    if (!symlink.is_symlink())
        return failure(Code::invalid, fmt::format("inode {} is no symbolic link", symlink.nid));
    if (symlink.size > max_link_length)
        return failure(
            Code::corrupt,
            fmt::format("inode {}: a symbolic link of {} bytes", symlink.nid, symlink.size),
            symlink.offset + 8);
    std::string target(static_cast<std::size_t>(symlink.size), '\0');
    COLDSCOPE_CHECK(read_file(*this, symlink, 0, std::as_writable_bytes(std::span(target)),
                              std::span(&primary_, 1)));
    return target;
}

} // namespace coldscope::erofs
