#include "daemon/cli/share_sample.h"

#include <cerrno>

namespace coldscope::cli {

WatchList watch_of(const std::vector<SharedImage>& images) {
    WatchList watch;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const SharedImage& image = images[i];
        if (image.folder.empty())
            continue;
        const auto number = static_cast<std::uint32_t>(i);
        watch.add_image(number, image.index, image.folder);
        for (const Backing& backing : image.backing)
            watch.add_device(number, backing.device, backing.path);
    }
    return watch;
}

std::vector<std::uint64_t> other_files(const std::vector<SharedImage>& images,
                                       const WatchList& watch, const sharing::Sample& sample) {
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
