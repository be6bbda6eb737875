#include "daemon/cli/share_sample.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace coldscope::cli {

namespace {

void watch_files(const SharedImage& image, std::uint32_t number, Watch& watch) {
    Watched watched{image.folder, {}};
    const auto nodes = image.index.by_nid();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const erofs::Node& node = image.index.node(nodes[i]);
        const bool first = i == 0 || image.index.node(nodes[i - 1]).nid != node.nid;
        if (!first || !node.is_regular() || node.size == 0)
            continue;
        watched.paths.push_back(image.index.path(nodes[i]).substr(1));
        watch.files.push_back({number, nodes[i], 0});
    }
    watch.watched.push_back(std::move(watched));
}

} // namespace

Watch watch_of(const std::vector<SharedImage>& images) {
    Watch watch;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const SharedImage& image = images[i];
        if (image.folder.empty())
            continue;
        const auto number = static_cast<std::uint32_t>(i);
        watch_files(image, number, watch);
        for (const Backing& backing : image.backing) {
            const std::filesystem::path path(backing.path);
            watch.watched.push_back({path.parent_path().string(), {path.filename().string()}});
            watch.files.push_back({number, erofs::no_node, backing.device});
        }
    }
    for (const Watched& watched : watch.watched) {
        if (std::ranges::find(watch.folders, watched.folder) == watch.folders.end())
            watch.folders.push_back(watched.folder);
    }
    return watch;
}

std::vector<std::uint64_t> other_files(const std::vector<SharedImage>& images, const Watch& watch,
                                       const sharing::Sample& sample) {
    std::vector<std::uint64_t> others(images.size());
    for (std::size_t i = 0; i < watch.files.size(); ++i) {
        const sharing::SampledFile& file = watch.files[i];
        if (file.node == erofs::no_node)
            continue;
        const sharing::SeenFile& seen = sample.files[i];
        const bool absent = seen.sys_errno == ENOENT || seen.sys_errno == ENOTDIR;
        if (absent ||
            (seen.sys_errno == 0 && seen.size != images[file.image].index.node(file.node).size))
            ++others[file.image];
    }
    return others;
}

} // namespace coldscope::cli
