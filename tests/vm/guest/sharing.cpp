// In the machine with a kernel that shares page cache: mounts images, and tells for each of their
// files what Coldscope predicts and what it observes.
//
//   coldscope-test-sharing mount OPTIONS FOLDER IMAGE [DEVICE...]
//   coldscope-test-sharing observe {DOMAIN FOLDER IMAGE DEVICES}...
//
// DOMAIN: "-" for a mount without inode_share. DEVICES: with commas between them, "-" for none.
// observe prints a line for each regular file of each image: the image's number, bytes of its
// pages, bytes that are resident, predicted and observed to be shared, and its path.
#include "core/erofs/image.h"
#include "core/erofs/index.h"
#include "core/sharing/predict.h"
#include "core/sharing/usage.h"
#include "daemon/observe/observer.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/mount.h>

using namespace coldscope;

namespace {

int mount_image(std::span<char*> words) {
    std::string options = words[0];
    for (char* device : words.subspan(3))
        options += fmt::format("{}device={}", options.empty() ? "" : ",", device);
    if (::mount(words[2], words[1], "erofs", MS_RDONLY, options.c_str()) == 0)
        return 0;
    fmt::print("trouble mount of {}: {}\n", words[2], std::strerror(errno));
    return 1;
}

constexpr int most_samples = 3;

struct Mount {
    std::string folder;
    sharing::Mounted mounted;
    std::vector<std::shared_ptr<ReadAt>> devices;
    std::unique_ptr<erofs::Image> image;
    erofs::Index index;
};

Result<Mount> open_mount(std::span<char*> words) {
    Mount mount;
    const std::string domain = words[0];
    mount.mounted.inode_share = domain != "-";
    mount.mounted.domain = domain == "-" ? "" : domain;
    mount.folder = words[1];
    COLDSCOPE_TRY(auto primary, FileReadAt::open(words[2]));
    mount.devices.push_back(std::move(primary));
    std::string_view left = words[3];
    while (left != "-" && !left.empty()) {
        const std::string path(left.substr(0, left.find(',')));
        left.remove_prefix(std::min(left.size(), path.size() + 1));
        COLDSCOPE_TRY(auto device, FileReadAt::open(path));
        mount.devices.push_back(std::move(device));
    }
    COLDSCOPE_TRY(mount.image, erofs::Image::open(mount.devices[0]));
    COLDSCOPE_TRY(mount.index, erofs::Index::build(*mount.image));
    return mount;
}

std::uint64_t whole_pages(std::uint64_t bytes) {
    return (bytes + sharing::page_size - 1) / sharing::page_size * sharing::page_size;
}

struct Line {
    std::uint64_t pages = 0; // bytes, as all of these
    std::uint64_t resident = 0;
    std::uint64_t predicted = 0;
    std::uint64_t shared = 0;
};

Line predicted_line(const sharing::FileSharing& file) {
    Line line;
    for (const sharing::Piece& piece : file.pieces) {
        const std::uint64_t bytes = whole_pages(piece.end) - piece.begin;
        line.pages += bytes;
        if (piece.mark == sharing::Mark::by_fingerprint)
            line.predicted += bytes;
    }
    return line;
}

Result<void> observe_mounts(std::span<char*> words) {
    std::vector<Mount> mounts;
    for (; words.size() >= 4; words = words.subspan(4)) {
        COLDSCOPE_TRY(Mount mount, open_mount(words));
        mounts.push_back(std::move(mount));
    }
    std::vector<sharing::Side> sides;
    std::vector<sharing::Keys> keys;
    std::vector<std::string> folders;
    std::vector<Watched> watched;
    std::vector<sharing::SampledFile> files;
    for (Mount& mount : mounts) {
        sides.push_back({*mount.image, mount.index, mount.devices, mount.mounted});
        COLDSCOPE_TRY(auto one, sharing::Keys::read(sides.back()));
        keys.push_back(std::move(one));
        folders.push_back(mount.folder);
        watched.push_back({mount.folder, {}});
        for (erofs::NodeId id = 0; id < mount.index.size(); ++id) {
            if (!mount.index.node(id).is_regular())
                continue;
            watched.back().paths.push_back(mount.index.path(id).substr(1));
            files.push_back({static_cast<std::uint32_t>(sides.size() - 1), id, 0});
        }
    }
    COLDSCOPE_TRY(const auto prediction, sharing::Prediction::make(sides, std::move(keys)));
    COLDSCOPE_TRY(auto observer, Observer::start(folders, guard::Rights::own));
    std::vector<Line> lines;
    for (const sharing::SampledFile& file : files)
        lines.push_back(predicted_line(prediction.file(file.image, file.node)));
    // The kernel moves pages: what it moved between the look at one file and that at the other is
    // looked at again.
    int samples = 0;
    bool less = true;
    for (; less && samples < most_samples; ++samples) {
        COLDSCOPE_TRY(const auto sample, observer->sample(watched));
        const sharing::Observed observed(prediction, sample, files);
        less = false;
        for (std::size_t i = 0; i < files.size(); ++i) {
            const auto seen = observed.of_file(files[i].image, files[i].node);
            lines[i].resident = std::max(lines[i].resident, seen.resident);
            lines[i].shared = std::max(lines[i].shared, seen.shared_now);
            less = less || lines[i].shared < lines[i].predicted;
        }
    }
    for (std::size_t i = 0; i < files.size(); ++i)
        fmt::print("{} {} {} {} {} {}\n", files[i].image, lines[i].pages, lines[i].resident,
                   lines[i].predicted, lines[i].shared,
                   mounts[files[i].image].index.path(files[i].node));
    fmt::print("samples {}\n", samples);
    return {};
}

} // namespace

int main(int argc, char** argv) {
    const std::span<char*> words(argv + 1, argv + argc);
    if (words.size() >= 4 && std::string_view(words[0]) == "mount")
        return mount_image(words.subspan(1));
    if (words.size() < 5 || std::string_view(words[0]) != "observe")
        return 2;
    if (const auto done = observe_mounts(words.subspan(1)); !done) {
        fmt::print("trouble {}\n", describe(done.error()));
        return 1;
    }
    return 0;
}
