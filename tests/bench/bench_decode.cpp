// How long all of an image's files take to be read and decoded, with two processors: `coldscoped
// check --data`, which checks all else too, against `fsck.erofs --extract` 1.9, which decodes to
// nothing. Whole processes are timed, start to end, in turns, with the image in the page cache.
//
// bench_decode [MiB]: of files, 200 when not given; images are made of them by mkfs.erofs.
// Prints "ratio NAME X (target: at least Y)" for each, theirs over ours. Exit code 1 when a target
// is missed, 77 without erofs-utils 1.9 or in an unoptimised build.
#include "tests/bench/compressed_tree.h"
#include "tests/bench/erofs_tools.h"
#include "tests/bench/optimised.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

namespace {

using namespace coldscope::bench;

constexpr int rounds = 9;
constexpr int few_rounds = 5;               // of what takes seconds
constexpr std::uint64_t default_size = 200; // MiB

struct Row {
    const char* name;
    std::vector<std::string> options;
    double least_ratio;
    int rounds;
};

std::vector<Row> rows() {
    return {{"lz4", {"-zlz4"}, 1.5, rounds},
            {"lz4 in clusters of 64 KiB", {"-zlz4", "-C65536"}, 1.5, rounds},
            {"lzma", {"-zlzma,level=3", "-C65536"}, 1.0, few_rounds},
            {"deflate", {"-zdeflate", "-C65536"}, 1.0, rounds},
            {"zstd", {"-zzstd", "-C65536"}, 1.0, rounds}};
}

// Two of those that this process may use.
void keep_two_processors() {
    cpu_set_t allowed;
    cpu_set_t two;
    CPU_ZERO(&two);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&two) < 2; ++i) {
        if (CPU_ISSET(i, &allowed))
            CPU_SET(i, &two);
    }
    sched_setaffinity(0, sizeof two, &two);
}

struct Programs {
    std::string mkfs;
    std::string fsck;
    std::string coldscoped;
};

// Whether the target was met.
bool measure(const Row& row, const Programs& programs, const std::string& tree,
             const std::string& image) {
    std::vector<std::string> make{programs.mkfs, "--quiet", "-T1700000000"};
    make.insert(make.end(), row.options.begin(), row.options.end());
    make.insert(make.end(), {image, tree});
    if (time_command(make) < 0) {
        fmt::print(stderr, "{}: mkfs.erofs failed\n", row.name);
        return false;
    }
    sync(); // or writing it back would be measured
    const std::vector<std::string> theirs{programs.fsck, "--extract", image};
    const std::vector<std::string> ours{programs.coldscoped, "check", "--data", image};
    std::vector<double> their_times;
    std::vector<double> our_times;
    for (int round = -1; round < row.rounds; ++round) {
        const double their_time = time_command(theirs);
        const double our_time = time_command(ours);
        if (their_time < 0 || our_time < 0) {
            fmt::print(stderr, "{}: {} failed\n", row.name,
                       their_time < 0 ? programs.fsck : programs.coldscoped);
            return false;
        }
        if (round < 0)
            continue; // the image was brought into the page cache
        their_times.push_back(their_time);
        our_times.push_back(our_time);
    }
    const double ratio = median(their_times) / median(our_times);
    fmt::print("{}: {} MiB, medians of {}: fsck.erofs --extract {:.4f} s, coldscoped check --data "
               "{:.4f} s\n",
               row.name, std::filesystem::file_size(image) >> 20, row.rounds, median(their_times),
               median(our_times));
    fmt::print("ratio {} {:.2f} (target: at least {})\n", row.name, ratio, row.least_ratio);
    std::fflush(stdout);
    return ratio >= row.least_ratio;
}

} // namespace

int main(int argc, char** argv) {
    if (!is_optimised())
        return skipped;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
    const Programs programs{erofs_tool("mkfs.erofs"), erofs_tool("fsck.erofs"),
                            self.parent_path() / "coldscoped"};
    if (programs.mkfs.empty() || programs.fsck.empty()) {
        fmt::print(stderr, "no erofs-utils: set COLDSCOPE_EROFS_UTILS to their folder\n");
        return skipped;
    }
    const ScratchFolder folder("bench_decode");
    if (folder.path().empty())
        return 1;
    const std::string tree = folder.path() + "/tree";
    const std::uint64_t size = argc == 2 ? std::strtoull(argv[1], nullptr, 10) : default_size;
    std::filesystem::create_directory(tree);
    if (const std::string problem = write_compressed_tree(tree, size << 20); !problem.empty()) {
        fmt::print(stderr, "{}\n", problem);
        return 1;
    }
    keep_two_processors();
    fmt::print("{} MiB of files; {}\n", size, programs.fsck);
    bool met = true;
    for (const Row& row : rows())
        met = measure(row, programs, tree, folder.path() + "/image.erofs") && met;
    return met ? 0 : 1;
}
