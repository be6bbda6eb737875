#include "tests/golden/matrix_image.h"

#include "core/erofs/check.h"
#include "core/erofs/index.h"
#include "core/erofs/read.h"
#include "tests/golden/golden_tools.h"

#include <algorithm>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <tuple>

#include <fmt/format.h>

namespace coldscope::golden {

namespace {

using erofs::Image;
using erofs::Inode;

template <typename T>
T must(Result<T> result, const std::string& what) {
    if (!result)
        throw std::runtime_error(what + ": " + describe(result.error()));
    if constexpr (!std::is_void_v<T>)
        return std::move(*result);
}

class Walk {
public:
    Walk(CoreImage& opened, std::uint64_t longest) : opened_(opened), longest_(longest) {}
    View all();

private:
    void add(const std::string& path, const Inode& inode);
    [[nodiscard]] Entry entry_of(const std::string& path, const Inode& inode);
    [[nodiscard]] std::string bytes_of(const std::string& path, const Inode& inode);

    CoreImage& opened_;
    std::uint64_t longest_;
    View view_;
    std::map<std::string, std::uint64_t> nids_; // by path
    std::map<std::uint64_t, Entry> by_nid_;
};

View Walk::all() {
    add("/", must(opened_.image->inode(opened_.image->root_nid()), "the root"));
    std::map<std::uint64_t, std::string> firsts;
    for (auto& [path, entry] : view_)
        entry.first_link = firsts.emplace(nids_.at(path), path).first->second;
    return std::move(view_);
}

// In two unequal parts, so that what lies across a border is read, too.
std::string Walk::bytes_of(const std::string& path, const Inode& inode) {
    std::string bytes(static_cast<std::size_t>(inode.size), '\0');
    const auto all = std::as_writable_bytes(std::span(bytes));
    const std::size_t first = bytes.size() / 3;
    must(erofs::read_file(*opened_.image, inode, first, all.subspan(first), opened_.devices), path);
    must(erofs::read_file(*opened_.image, inode, 0, all.first(first), opened_.devices), path);
    return bytes;
}

Entry Walk::entry_of(const std::string& path, const Inode& inode) {
    Entry entry;
    entry.mode = inode.mode;
    entry.uid = inode.uid;
    entry.gid = inode.gid;
    entry.nlink = inode.nlink;
    if (S_ISCHR(inode.mode) || S_ISBLK(inode.mode)) {
        entry.major = inode.rdev_major();
        entry.minor = inode.rdev_minor();
    }
    entry.size = inode.size;
    entry.mtime = inode.mtime;
    entry.mtime_nsec = inode.mtime_nsec;
    entry.compact = inode.slot_size == erofs::compact_inode_size;
    if (inode.is_symlink())
        entry.target = must(opened_.image->link_target(inode), path);
    for (const erofs::Xattr& xattr : must(opened_.image->xattrs(inode), path))
        entry.xattrs[xattr.name] = xattr.value;
    if (inode.is_regular() && inode.size <= longest_)
        entry.bytes = std::make_shared<const std::string>(bytes_of(path, inode));
    return entry;
}

void Walk::add(const std::string& path, const Inode& inode) {
    auto known = by_nid_.find(inode.nid);
    if (known == by_nid_.end())
        known = by_nid_.emplace(inode.nid, entry_of(path, inode)).first;
    view_.emplace(path, known->second);
    nids_.emplace(path, inode.nid);
    if (!inode.is_directory())
        return;
    std::vector<std::pair<std::string, std::uint64_t>> names;
    must(opened_.image->for_each_entry(inode, 0,
                                       [&](const erofs::DirEntry& item, std::uint64_t) {
                                           if (item.name != "." && item.name != "..")
                                               names.emplace_back(item.name, item.nid);
                                           return true;
                                       }),
         path);
    for (const auto& [name, nid] : names) {
        const std::string below = path == "/" ? path + name : path + "/" + name;
        const Inode child = must(opened_.image->inode(nid), below);
        const auto found = must(opened_.image->look_up(inode, name), below);
        if (found != nid)
            throw std::runtime_error(below + ": is listed, but not found by its name");
        add(below, child);
    }
}

void check_findings(CoreImage& opened) {
    const erofs::Findings findings = erofs::check_image(opened.devices[0]);
    for (const erofs::Finding& finding : findings.list()) {
        if (finding.severity != erofs::Severity::note)
            throw std::runtime_error("check: " + erofs::describe(finding));
    }
}

void check_index(CoreImage& opened, const View& view) {
    const erofs::Index index = must(erofs::Index::build(*opened.image), "index");
    if (index.size() != view.size())
        throw std::runtime_error(
            fmt::format("the index has {} names instead of {}", index.size(), view.size()));
    for (erofs::NodeId id = 0; id < index.size(); ++id) {
        const auto found = view.find(index.path(id));
        if (found == view.end() || found->second.mode != index.node(id).mode ||
            found->second.size != index.node(id).size)
            throw std::runtime_error("the index differs: " + index.path(id));
    }
}

} // namespace

CoreImage::CoreImage(const MadeImage& made) {
    const auto open = [](const std::string& path) {
        return std::shared_ptr<ReadAt>(must(FileReadAt::open(path), path));
    };
    std::shared_ptr<ReadAt> file = open(made.image);
    if (made.offset != 0)
        file = std::make_shared<PartReadAt>(file, made.offset, file->size() - made.offset);
    devices.push_back(std::move(file));
    for (const std::string& blob : made.blobs)
        devices.push_back(open(blob));
    image = must(Image::open(devices[0]), made.image);
    for (std::size_t i = made.blobs.size(); i < image->devices().size(); ++i)
        devices.push_back(
            erofs::flattened_device(devices[0], image->superblock(), image->devices()[i]));
}

View view_of_image(CoreImage& opened, std::uint64_t longest) {
    check_findings(opened);
    View view = Walk(opened, longest).all();
    check_index(opened, view);
    return view;
}

std::string program_differs(const MadeImage& made, const View& view,
                            const std::vector<std::string>& paths) {
    const auto arguments = [&](const char* command, const std::string& path) {
        std::vector<std::string> list{command};
        for (const std::string& blob : made.blobs)
            list.insert(list.end(), {"--device", blob});
        list.insert(list.end(), {made.image, path});
        return list;
    };
    for (const std::string& path : paths) {
        const auto found = view.find(path);
        if (found == view.end())
            continue;
        const Entry& entry = found->second;
        const auto file = coldscoped_json(arguments("stat", path));
        if (file["size"] != entry.size || file["mode"] != (entry.mode & 07777U) ||
            file["uid"] != entry.uid || file["gid"] != entry.gid || file["mtime"] != entry.mtime ||
            file["xattrs"].size() != entry.xattrs.size())
            return path + ": coldscoped stat differs";
        if (S_ISDIR(entry.mode)) {
            const auto list = coldscoped_json(arguments("ls", path));
            const std::string prefix = path == "/" ? path : path + "/";
            const auto below = std::ranges::count_if(view, [&](const auto& other) {
                return other.first.size() > prefix.size() && other.first.starts_with(prefix) &&
                       other.first.find('/', prefix.size()) == std::string::npos;
            });
            if (list.size() != static_cast<std::size_t>(below))
                return path + ": coldscoped ls differs";
        }
        std::uint64_t end = 0;
        if (S_ISREG(entry.mode)) {
            for (const auto& extent : coldscoped_json(arguments("map", path)))
                end += extent["length"].get<std::uint64_t>();
            if (end != entry.size)
                return path + ": coldscoped map does not cover the file";
        }
        if (entry.bytes && coldscoped_bytes(arguments("cat", path)) != *entry.bytes)
            return path + ": coldscoped cat differs";
    }
    return {};
}

} // namespace coldscope::golden
