// coldscoped ls: names, one a line.
#include "daemon/cli/commands.h"
#include "daemon/cli/describe_file.h"
#include "daemon/cli/open_image.h"
#include "daemon/cli/output.h"

#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

namespace coldscope::cli {

namespace {

using erofs::Image;
using erofs::Inode;

struct Named {
    std::string name;
    std::uint64_t nid;
};

struct Level {
    std::uint64_t nid;
    std::string path;
    std::vector<Named> entries;
    std::size_t next;
};

constexpr std::size_t max_depth = 4096;

class Lister {
public:
    Lister(const ImageOptions& options, Image& image) : options_(options), image_(image) {}
    Result<void> list(const Inode& top, const std::string& path);
    bool failed() const { return failed_; }
    Output& output() { return output_; }
    void end_json();

private:
    [[nodiscard]] Result<std::vector<Named>> names(const Inode& directory);
    Result<void> enter(const Inode& directory, std::string path);
    Result<void> list_directory(const Inode& directory, const std::string& path);
    bool show(const Inode& inode, const std::string& path, const std::string& name);

    const ImageOptions& options_;
    Image& image_;
    Output output_;
    std::vector<Level> levels_;                 // the directories from the top to here
    std::unordered_set<std::uint64_t> entered_; // nids
    bool first_ = true;
    bool failed_ = false;
};

// Large lists are written as they are found, not gathered.
bool Lister::show(const Inode& inode, const std::string& path, const std::string& name) {
    bool going = true;
    if (options_.json) {
        const std::string text =
            file_json(image_, inode, path)
                .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        going = output_.write(std::string_view(first_ ? "[\n" : ",\n")) && output_.write(text);
    } else {
        const std::string& shown = options_.recursive ? path : name;
        going = output_.line(options_.long_form ? long_line(image_, inode, shown) : shown);
    }
    first_ = false;
    return going;
}

void Lister::end_json() {
    if (options_.json)
        output_.line(first_ ? "[]" : "\n]");
}

Result<std::vector<Named>> Lister::names(const Inode& directory) {
    std::vector<Named> list;
    COLDSCOPE_CHECK(
        image_.for_each_entry(directory, 0, [&](const erofs::DirEntry& entry, std::uint64_t) {
            if (entry.name != "." && entry.name != "..")
                list.push_back({std::string(entry.name), entry.nid});
            return true;
        }));
    return list;
}

Result<void> Lister::enter(const Inode& directory, std::string path) {
    // Twice the same directory would be a loop, or a tree that doubles at every level.
    if (!entered_.insert(directory.nid).second || levels_.size() >= max_depth)
        return failure(Code::corrupt,
                       fmt::format("directory {} (\"{}\") is reached twice, or lies too deep",
                                   directory.nid, path),
                       directory.offset);
    COLDSCOPE_TRY(std::vector<Named> entries, names(directory));
    levels_.push_back({directory.nid, std::move(path), std::move(entries), 0});
    return {};
}

Result<void> Lister::list_directory(const Inode& directory, const std::string& path) {
    COLDSCOPE_CHECK(enter(directory, path));
    while (!levels_.empty()) {
        Level& level = levels_.back();
        if (level.next == level.entries.size()) {
            levels_.pop_back();
            continue;
        }
        const Named entry = std::move(level.entries[level.next++]);
        std::string below = (level.path == "/" ? level.path : level.path + "/") + entry.name;
        const auto inode = image_.inode(entry.nid);
        if (!inode) {
            failed_ = true;
            print_error(inode.error(), options_.image);
            continue;
        }
        if (!show(*inode, below, entry.name))
            return {};
        if (options_.recursive && inode->is_directory())
            COLDSCOPE_CHECK(enter(*inode, std::move(below)));
    }
    return {};
}

Result<void> Lister::list(const Inode& top, const std::string& path) {
    if (top.is_directory())
        return list_directory(top, path);
    show(top, path, path);
    return {};
}

} // namespace

int run_ls(const ImageOptions& options) {
    const auto opened = open_image(options.image, options.devices);
    if (opened == nullptr)
        return 1;
    const auto top = opened->image->find(options.path);
    if (!top)
        return print_error(top.error(), options.image);
    std::string path = options.path;
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    Lister lister(options, *opened->image);
    const auto listed = lister.list(*top, path);
    lister.end_json();
    const int code = lister.output().finish(lister.failed() ? 1 : 0);
    return listed ? code : print_error(listed.error(), options.image);
}

} // namespace coldscope::cli
