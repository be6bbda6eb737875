#include "daemon/observe/watch_list.h"

#include <algorithm>
#include <filesystem>

namespace coldscope {

void WatchList::add_image(std::uint32_t image, const erofs::Index& index,
                          const std::string& folder) {
    Watched of_image{folder, {}};
    const auto nodes = index.by_nid();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const erofs::Node& node = index.node(nodes[i]);
        const bool first = i == 0 || index.node(nodes[i - 1]).nid != node.nid;
        if (!first || !node.is_regular() || node.size == 0)
            continue;
        of_image.paths.push_back(index.path(nodes[i]).substr(1));
        files.push_back({image, nodes[i], 0});
    }
    watched.push_back(std::move(of_image));
}

void WatchList::add_device(std::uint32_t image, std::uint16_t device, const std::string& path) {
    const std::filesystem::path file(path);
    watched.push_back({file.parent_path().string(), {file.filename().string()}});
    files.push_back({image, erofs::no_node, device});
}

std::vector<std::string> WatchList::folders() const {
    std::vector<std::string> folders;
    for (const Watched& one : watched) {
        if (std::ranges::find(folders, one.folder) == folders.end())
            folders.push_back(one.folder);
    }
    return folders;
}

} // namespace coldscope
