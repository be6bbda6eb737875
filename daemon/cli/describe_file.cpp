#include "daemon/cli/describe_file.h"

#include "core/base/hex.h"
#include "core/erofs/features.h"
#include "daemon/cli/output.h"

#include <array>
#include <ctime>

#include <fmt/format.h>

namespace coldscope::cli {

namespace {

using erofs::Image;
using erofs::Inode;

nlohmann::json xattrs_json(std::span<const erofs::Xattr> xattrs) {
    nlohmann::json list = nlohmann::json::array();
    for (const erofs::Xattr& xattr : xattrs) {
        nlohmann::json item;
        set_text(item, "name", xattr.name);
        if (valid_utf8(xattr.value))
            item["value"] = xattr.value;
        item["value_hex"] = hex(xattr.value);
        item["shared"] = xattr.shared;
        list.push_back(std::move(item));
    }
    return list;
}

bool is_device(const Inode& inode) {
    return S_ISCHR(inode.mode) || S_ISBLK(inode.mode);
}

std::string_view last_part(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return path.size() == 1 || slash == std::string_view::npos ? path : path.substr(slash + 1);
}

} // namespace

nlohmann::json file_json(Image& image, const Inode& inode, std::string_view path) {
    nlohmann::json file;
    set_text(file, "path", path);
    set_text(file, "name", last_part(path));
    file["nid"] = inode.nid;
    file["offset"] = inode.offset;
    file["type"] = type_text(inode.mode);
    file["mode"] = inode.mode & 07777U;
    file["size"] = inode.size;
    file["uid"] = inode.uid;
    file["gid"] = inode.gid;
    file["nlink"] = inode.nlink;
    file["mtime"] = inode.mtime;
    file["mtime_nsec"] = inode.mtime_nsec;
    file["layout"] = erofs::name(inode.layout);
    file["inode_size"] = inode.slot_size;
    file["xattr_size"] = inode.xattr_size;
    if (is_device(inode))
        file["rdev"] = {{"major", inode.rdev_major()}, {"minor", inode.rdev_minor()}};
    if (inode.layout == erofs::Layout::chunk_based)
        file["chunk_size"] = std::uint64_t{1} << inode.chunk_bits;
    nlohmann::json errors = nlohmann::json::array();
    if (inode.is_symlink()) {
        if (const auto target = image.link_target(inode))
            set_text(file, "target", *target);
        else
            errors.push_back(json_text(describe(target.error())));
    }
    if (const auto xattrs = image.xattrs(inode))
        file["xattrs"] = xattrs_json(*xattrs);
    else
        errors.push_back(json_text(describe(xattrs.error())));
    if (!errors.empty())
        file["errors"] = std::move(errors);
    return file;
}

const char* type_text(std::uint32_t mode) {
    static constexpr std::array names{"unknown",      "regular", "directory", "char device",
                                      "block device", "fifo",    "socket",    "symlink"};
    return names[static_cast<std::size_t>(erofs::file_type(mode))];
}

std::string mode_text(std::uint32_t mode) {
    static constexpr std::string_view types = "?-dcbpsl";
    std::string text(1, types[static_cast<std::size_t>(erofs::file_type(mode))]);
    for (int shift = 8; shift >= 0; --shift)
        text += ((mode >> shift) & 1U) != 0 ? "xwr"[shift % 3] : '-';
    const auto special = [&](std::uint32_t bit, std::size_t at, char set, char set_without_x) {
        if ((mode & bit) != 0)
            text[at] = text[at] == 'x' ? set : set_without_x;
    };
    special(S_ISUID, 3, 's', 'S');
    special(S_ISGID, 6, 's', 'S');
    special(S_ISVTX, 9, 't', 'T');
    return text;
}

std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    if (gmtime_r(&time, &parts) == nullptr)
        return fmt::format("{} s after 1970", seconds);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return fmt::format("{}.{:09} UTC", text.data(), nanoseconds);
}

std::string long_line(Image& image, const Inode& inode, std::string_view name) {
    const std::string size = is_device(inode)
                                 ? fmt::format("{}, {}", inode.rdev_major(), inode.rdev_minor())
                                 : fmt::format("{}", inode.size);
    std::string line =
        fmt::format("{} {:>4} {:>6} {:>6} {:>12} {} ", mode_text(inode.mode), inode.nlink,
                    inode.uid, inode.gid, size, time_text(inode.mtime, inode.mtime_nsec));
    line += name;
    if (inode.is_symlink()) {
        const auto target = image.link_target(inode);
        line += " -> ";
        line += target ? *target : std::string("?");
    }
    return line;
}

} // namespace coldscope::cli
