// Random reads of 4 KiB in an LZ4 image: read_file() against the kernel's own mount of it, both
// with nothing of the image in the page cache; the same places in each pair, whose bytes are
// compared.
//
// bench_random [MiB]: of files, 200 when not given; images are made of them by mkfs.erofs.
// Prints "ratio NAME X (target: at least Y)" for each, the kernel's time over ours. Exit code 1
// when a target is missed, 77 where EROFS can't be mounted from a file, the page cache can't be
// dropped, without erofs-utils 1.9 or in an unoptimised build.
#include "core/base/fd.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"
#include "core/erofs/read.h"
#include "tests/bench/compressed_tree.h"
#include "tests/bench/erofs_tools.h"
#include "tests/bench/optimised.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

namespace {

using namespace coldscope;
using namespace coldscope::bench;

constexpr int pairs = 7;
constexpr std::size_t reads = 2000; // of a pair
constexpr std::size_t read_size = 4096;
constexpr double least_ratio = 1.0;
constexpr std::uint64_t default_size = 200; // MiB

struct File {
    erofs::Inode inode;
    std::string path;
    std::uint64_t first = 0; // of its pages among all files'
    std::uint64_t pages = 0; // whole ones
};

struct Place {
    std::size_t file = 0;
    std::uint64_t offset = 0; // bytes
};

struct Timed {
    double seconds = 0;
    std::vector<std::byte> bytes;
};

class Mount {
public:
    Mount(const std::string& image, std::string folder) : folder_(std::move(folder)) {
        mounted_ = mount(image.c_str(), folder_.c_str(), "erofs", MS_RDONLY, nullptr) == 0;
    }
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    ~Mount() {
        if (mounted_)
            umount2(folder_.c_str(), MNT_DETACH);
    }
    [[nodiscard]] explicit operator bool() const { return mounted_; }

private:
    std::string folder_;
    bool mounted_ = false;
};

bool drop_page_cache() {
    sync();
    const Fd fd(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
    return fd.get() >= 0 && write(fd.get(), "3", 1) == 1;
}

// Of all files, those that have a page.
std::vector<File> files_of(erofs::Image& image, const erofs::Index& index) {
    std::vector<File> files;
    std::uint64_t first = 0;
    for (std::size_t i = 0; i < index.size(); ++i) {
        const erofs::Node& node = index.node(static_cast<erofs::NodeId>(i));
        const auto inode = image.inode(node.nid);
        if (!node.is_regular() || !inode || inode->size < read_size)
            continue;
        const std::uint64_t pages = inode->size / read_size;
        files.push_back({*inode, index.path(static_cast<erofs::NodeId>(i)), first, pages});
        first += pages;
    }
    return files;
}

std::vector<Place> places(const std::vector<File>& files, unsigned seed) {
    std::mt19937_64 random(seed);
    const std::uint64_t pages = files.back().first + files.back().pages;
    std::vector<Place> chosen;
    for (std::size_t i = 0; i < reads; ++i) {
        const std::uint64_t page = random() % pages;
        const auto after = std::ranges::upper_bound(files, page, {}, &File::first);
        const auto file = static_cast<std::size_t>(after - files.begin()) - 1;
        chosen.push_back({file, (page - files[file].first) * read_size});
    }
    return chosen;
}

// read(place, into) for each place, nothing of the image being in the page cache.
template <typename Read>
std::optional<Timed> time_reads(const std::vector<Place>& chosen, Read&& read) {
    if (!drop_page_cache())
        return std::nullopt;
    Timed timed;
    timed.bytes.resize(chosen.size() * read_size);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (!read(chosen[i], std::span(timed.bytes).subspan(i * read_size, read_size)))
            return std::nullopt;
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    timed.seconds = taken.count();
    return timed;
}

// Files are opened before the cache is dropped; the kernel keeps their inodes, as we do.
std::optional<Timed> read_mount(const std::string& image, const std::string& folder,
                                const std::vector<File>& files, const std::vector<Place>& chosen) {
    const Mount mounted(image, folder);
    if (!mounted)
        return std::nullopt;
    std::vector<Fd> opened;
    for (const File& file : files)
        opened.emplace_back(open((folder + file.path).c_str(), O_RDONLY | O_CLOEXEC));
    return time_reads(chosen, [&](const Place& place, std::span<std::byte> into) {
        return pread(opened[place.file].get(), into.data(), into.size(),
                     static_cast<off_t>(place.offset)) == static_cast<ssize_t>(into.size());
    });
}

std::optional<Timed> read_image(const std::string& path, const std::vector<File>& files,
                                const std::vector<Place>& chosen) {
    auto file = FileReadAt::open(path);
    if (!file)
        return std::nullopt;
    const std::shared_ptr<ReadAt> device = std::move(*file);
    const auto image = erofs::Image::open(device);
    if (!image)
        return std::nullopt;
    return time_reads(chosen, [&](const Place& place, std::span<std::byte> into) {
        return erofs::read_file(**image, files[place.file].inode, place.offset, into,
                                std::span(&device, 1))
            .has_value();
    });
}

// The exit code.
int measure(const char* name, const std::string& image, const std::string& folder) {
    auto file = FileReadAt::open(image);
    if (!file)
        return 1;
    auto opened = erofs::Image::open(std::move(*file));
    const auto index = opened ? erofs::Index::build(**opened)
                              : Result<erofs::Index>(std::unexpected(opened.error()));
    if (!index)
        return 1;
    const std::vector<File> files = files_of(**opened, *index);
    std::vector<double> their_times;
    std::vector<double> our_times;
    for (unsigned pair = 0; pair < pairs; ++pair) {
        const std::vector<Place> chosen = places(files, pair);
        const auto theirs = read_mount(image, folder, files, chosen);
        const auto ours = read_image(image, files, chosen);
        if (!theirs || !ours || theirs->bytes != ours->bytes) {
            fmt::print(stderr, "{}: {}\n", name,
                       theirs && ours ? "the bytes differ"
                                      : std::string("a read failed: ") + std::strerror(errno));
            return 1;
        }
        their_times.push_back(theirs->seconds);
        our_times.push_back(ours->seconds);
    }
    const double ratio = median(their_times) / median(our_times);
    fmt::print("{}: {} reads, medians of {}: the kernel's mount {:.4f} s, read_file() {:.4f} s\n",
               name, reads, pairs, median(their_times), median(our_times));
    fmt::print("ratio {} {:.2f} (target: at least {})\n", name, ratio, least_ratio);
    std::fflush(stdout);
    return ratio >= least_ratio ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (!is_optimised())
        return skipped;
    const std::string mkfs = erofs_tool("mkfs.erofs");
    if (mkfs.empty()) {
        fmt::print(stderr, "no mkfs.erofs: set COLDSCOPE_EROFS_UTILS to its folder\n");
        return skipped;
    }
    if (!drop_page_cache()) {
        fmt::print(stderr, "the page cache can't be dropped: {}\n", std::strerror(errno));
        return skipped;
    }
    const ScratchFolder folder("bench_random");
    if (folder.path().empty())
        return 1;
    const std::string tree = folder.path() + "/tree";
    const std::string image = folder.path() + "/image.erofs";
    const std::string mount_point = folder.path() + "/mount";
    const std::uint64_t size = argc == 2 ? std::strtoull(argv[1], nullptr, 10) : default_size;
    std::filesystem::create_directory(tree);
    std::filesystem::create_directory(mount_point);
    if (const std::string problem = write_compressed_tree(tree, size << 20); !problem.empty()) {
        fmt::print(stderr, "{}\n", problem);
        return 1;
    }
    fmt::print("{} MiB of files; {}\n", size, mkfs);
    int code = 0;
    for (const auto& [name, cluster] : {std::pair{"random lz4", "-C4096"},
                                        std::pair{"random lz4 in clusters of 64 KiB", "-C65536"}}) {
        if (time_command({mkfs, "--quiet", "-T1700000000", "-zlz4", cluster, image, tree}) < 0) {
            fmt::print(stderr, "{}: mkfs.erofs failed\n", name);
            return 1;
        }
        if (!Mount(image, mount_point)) {
            fmt::print(stderr, "EROFS can't be mounted from a file: {}\n", std::strerror(errno));
            return skipped;
        }
        code = std::max(code, measure(name, image, mount_point));
    }
    return code;
}
