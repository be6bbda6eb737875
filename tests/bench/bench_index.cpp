// How long the index of a million files takes, names and reverse map, against `dump.erofs -S`
// 1.9, which walks the same inodes for its statistics. Whole processes are timed, start to end,
// in turns, with the image in the page cache.
//
// bench_index [IMAGE]: IMAGE is written in the temporary directory when it is not given.
// bench_index --one IMAGE: the timed child: open, build, print "nodes peak-bytes index-bytes".
// Ends with "ratio X", ours over theirs. Exit code 1 when a target is missed, 77 without
// dump.erofs or in an unoptimised build.
#include "core/erofs/index.h"
#include "tests/bench/bench_index_image.h"
#include "tests/bench/erofs_tools.h"
#include "tests/bench/optimised.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace coldscope;
using namespace coldscope::bench;

constexpr int rounds = 5;
constexpr double most_ratio = 0.6;
constexpr double most_bytes_a_file = 160;

// From the system's own account of this process: getrusage() would count its parent's memory too.
std::uint64_t resident(const std::string& field) { // bytes
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::uint64_t kilobytes = 0;
        if (word == field && status >> kilobytes)
            return kilobytes * 1024;
    }
    return 0;
}

int run_one(const char* path) {
    auto file = FileReadAt::open(path);
    if (!file) {
        fmt::print(stderr, "{}\n", describe(file.error(), path));
        return 1;
    }
    const std::uint64_t before = resident("VmRSS:");
    auto image = erofs::Image::open(std::move(*file));
    if (!image) {
        fmt::print(stderr, "{}\n", describe(image.error(), path));
        return 1;
    }
    auto index = erofs::Index::build(**image);
    if (!index) {
        fmt::print(stderr, "{}\n", describe(index.error(), path));
        return 1;
    }
    fmt::print("{} {} {}\n", index->size(), resident("VmHWM:") - before, index->memory());
    std::fflush(stdout);
    // As a program that uses the index would, keep it to the end; the system takes it back.
    std::_Exit(0);
}

int compare(const std::string& self, const std::string& theirs, const std::string& image,
            const std::string& output) {
    std::vector<double> our_times;
    std::vector<double> their_times;
    for (int round = 0; round < rounds; ++round) {
        their_times.push_back(time_command({theirs, "-S", image}));
        our_times.push_back(time_command({self, "--one", image}, output.c_str()));
        if (their_times.back() < 0 || our_times.back() < 0) {
            fmt::print(stderr, "{} failed\n", their_times.back() < 0 ? theirs : self);
            return 1;
        }
        fmt::print("round {}: index {:.3f} s, dump.erofs -S {:.3f} s\n", round + 1,
                   our_times.back(), their_times.back());
    }
    double nodes = 0;
    double peak = 0;
    double index = 0;
    std::ifstream(output) >> nodes >> peak >> index;
    const double ours = median(our_times);
    const double other = median(their_times);
    const double bytes = peak / std::max(nodes, 1.0);
    fmt::print("{} inodes; memory a file: {:.1f} bytes at the peak (resident), {:.1f} bytes kept\n",
               nodes, bytes, index / std::max(nodes, 1.0));
    fmt::print("median of {}: index {:.3f} s, dump.erofs -S {:.3f} s\n", rounds, ours, other);
    fmt::print("ratio {:.3f} (target: at most {})\n", ours / other, most_ratio);
    return ours / other <= most_ratio && bytes <= most_bytes_a_file ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "--one") == 0)
        return run_one(argv[2]);
    if (!is_optimised())
        return skipped;
    const std::string theirs = erofs_tool("dump.erofs");
    if (theirs.empty()) {
        fmt::print(stderr, "no dump.erofs: set COLDSCOPE_EROFS_UTILS to its folder\n");
        return skipped;
    }
    const ScratchFolder folder("bench_index");
    if (folder.path().empty())
        return 1;
    std::string image = folder.path() + "/image.erofs";
    if (argc == 2) {
        image = argv[1];
    } else if (const std::string problem = write_large_image(image); !problem.empty()) {
        fmt::print(stderr, "{}\n", problem);
        return 1;
    }
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    fmt::print("{} of {} MiB, {}\n", image, std::filesystem::file_size(image) >> 20, theirs);
    std::fflush(stdout);
    return compare(self, theirs, image, folder.path() + "/output");
}
