// coldscoped stat: one file, or the image itself.
#include "core/erofs/compressed_config.h"
#include "core/erofs/features.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/describe_file.h"
#include "daemon/cli/open_image.h"
#include "daemon/cli/output.h"
#include "daemon/cli/rafs_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coldscope::cli {

namespace {

using erofs::Device;
using erofs::Image;
using erofs::Inode;
using erofs::Superblock;

nlohmann::json compression_json(Image& image) {
    nlohmann::json list = nlohmann::json::array();
    const auto configs = erofs::read_compression_configs(image.primary(), image.superblock());
    for (const erofs::CompressionConfig& config :
         configs ? *configs : std::vector<erofs::CompressionConfig>{})
        list.push_back({{"algorithm", codec::name(config.algorithm)},
                        {"window", config.window},
                        {"max_cluster_blocks", config.max_cluster_blocks},
                        {"offset", config.offset}});
    return list;
}

nlohmann::json image_json(Image& image) {
    const Superblock& super = image.superblock();
    nlohmann::json devices = nlohmann::json::array();
    for (std::size_t i = 0; i < image.devices().size(); ++i) {
        const Device& device = image.devices()[i];
        nlohmann::json item{{"device", i + 1},
                            {"blocks", device.blocks},
                            {"size", device.blocks * super.block_size()},
                            {"unified_block", device.uniaddr},
                            {"slot_offset", device.slot_offset}};
        set_text(item, "tag", device.tag);
        devices.push_back(std::move(item));
    }
    nlohmann::json result{
        {"block_size", super.block_size()},
        {"blocks", super.blocks},
        {"file_size", image.size()},
        {"inodes", super.inodes},
        {"root_nid", super.root_nid},
        {"build_time", super.build_seconds()},
        {"uuid", super.uuid_text()},
        {"checksum", super.has_compat(erofs::compat::checksum) ? nlohmann::json(super.checksum)
                                                               : nlohmann::json()},
        {"compatible_features", erofs::compatible_feature_names(super.feature_compat)},
        {"incompatible_features", erofs::incompatible_feature_names(super.feature_incompat)},
        {"meta_block", super.meta_block},
        {"xattr_block", super.xattr_block},
        {"packed_nid", super.packed_nid},
        {"metabox_nid", super.metabox_nid},
        {"compression", compression_json(image)},
        {"devices", std::move(devices)}};
    set_text(result, "volume_name", super.volume_name);
    return result;
}

std::string joined(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

template <typename Value>
void row(Output& output, const char* label, const Value& value) {
    output.line(fmt::format("{:<22} {}", label, value));
}

void print_image(Image& image, Output& output) {
    const Superblock& super = image.superblock();
    row(output, "Block size", super.block_size());
    row(output, "Blocks", super.blocks);
    row(output, "File size", image.size());
    row(output, "Inodes", super.inodes);
    row(output, "Root inode", super.root_nid);
    row(output, "Built", time_text(super.build_seconds(), super.fixed_nsec));
    row(output, "UUID", super.uuid_text());
    if (!super.volume_name.empty())
        row(output, "Volume", super.volume_name);
    row(output, "Compatible features",
        joined(erofs::compatible_feature_names(super.feature_compat)));
    row(output, "Incompatible features",
        joined(erofs::incompatible_feature_names(super.feature_incompat)));
    const auto configs = erofs::read_compression_configs(image.primary(), super);
    if (!configs)
        row(output, "Compression", describe(configs.error()));
    for (const erofs::CompressionConfig& config :
         configs ? *configs : std::vector<erofs::CompressionConfig>{})
        row(output, "Compression",
            fmt::format("{}, {}", codec::name(config.algorithm),
                        config.window == 0 ? std::string("its window is not said")
                                           : fmt::format("a window of {} bytes", config.window)));
    for (std::size_t i = 0; i < image.devices().size(); ++i) {
        const Device& device = image.devices()[i];
        row(output, fmt::format("Device {}", i + 1).c_str(),
            fmt::format("tag \"{}\", {} blocks ({} bytes), unified block {}, slot at byte {}",
                        device.tag, device.blocks, device.blocks * super.block_size(),
                        device.uniaddr, device.slot_offset));
    }
}

void print_file(Image& image, const Inode& inode, const std::string& path, Output& output) {
    row(output, "Path", path);
    row(output, "Type", type_text(inode.mode));
    row(output, "Inode",
        fmt::format("{}, {} bytes at byte {}", inode.nid, inode.slot_size, inode.offset));
    row(output, "Size", inode.size);
    row(output, "Layout", erofs::name(inode.layout));
    if (inode.layout == erofs::Layout::chunk_based)
        row(output, "Chunk size", std::uint64_t{1} << inode.chunk_bits);
    row(output, "Mode", fmt::format("{:04o} {}", inode.mode & 07777U, mode_text(inode.mode)));
    row(output, "Owner", fmt::format("{}:{}", inode.uid, inode.gid));
    row(output, "Links", inode.nlink);
    row(output, "Modified", time_text(inode.mtime, inode.mtime_nsec));
    if (S_ISCHR(inode.mode) || S_ISBLK(inode.mode))
        row(output, "Device", fmt::format("{}, {}", inode.rdev_major(), inode.rdev_minor()));
    if (inode.is_symlink()) {
        const auto target = image.link_target(inode);
        row(output, "Target", target ? *target : describe(target.error()));
    }
    const auto xattrs = image.xattrs(inode);
    if (!xattrs)
        row(output, "Xattrs", describe(xattrs.error()));
    else
        for (const erofs::Xattr& xattr : *xattrs)
            row(output, "Xattr", fmt::format("{} = {}", xattr.name, json_text(xattr.value)));
}

} // namespace

int run_stat(const ImageOptions& options) {
    const auto opened = open_image(options.image, options.devices);
    if (opened == nullptr)
        return 1;
    Image& image = *opened->image;
    Output output;
    if (!options.path_given()) {
        if (options.json) {
            nlohmann::json all = image_json(image);
            if (opened->rafs != nullptr)
                all["rafs"] = rafs_json(*opened->rafs);
            output.json(all);
        } else {
            print_image(image, output);
            if (opened->rafs != nullptr)
                print_rafs(*opened->rafs, output);
        }
        if (opened->rafs_error)
            return output.finish(print_error(*opened->rafs_error, options.image));
        return output.finish(0);
    }
    const auto inode = image.find(options.path);
    if (!inode)
        return print_error(inode.error(), options.image);
    if (options.json)
        output.json(file_json(image, *inode, options.path));
    else
        print_file(image, *inode, options.path, output);
    return output.finish(0);
}

} // namespace coldscope::cli
