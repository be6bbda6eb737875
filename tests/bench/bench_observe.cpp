// One observation of two mounts with 5,000 files each, all resident, against a plain loop over the
// same files in this process: open, mmap, mincore, touch, read the map. Root only. Its last lines:
// "seconds X" (median of one observation), "peak X MiB" (this process's and the observing child's
// together), "ratio X" (of times, to the loop's).
#include "core/base/fd.h"
#include "daemon/observe/observer.h"
#include "tests/bench/erofs_tools.h"
#include "tests/bench/optimised.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace coldscope;
using namespace coldscope::bench;
namespace fs = std::filesystem;

constexpr int files = 5000;
constexpr int rounds = 7;

[[noreturn]] void give_up(const std::string& what) {
    std::perror(what.c_str());
    std::exit(1);
}

// Pages that were found resident.
std::size_t plain_loop(const Watched& watched) {
    const Fd map(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    std::vector<unsigned char> resident;
    std::vector<std::uint64_t> entries;
    std::size_t found = 0;
    for (const std::string& path : watched.paths) {
        const Fd file(::open((watched.folder + '/' + path).c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        if (!file || fstat(file.get(), &status) != 0)
            give_up(path);
        const std::size_t pages = (static_cast<std::size_t>(status.st_size) + 4095) / 4096;
        void* mapped = mmap(nullptr, pages * 4096, PROT_READ, MAP_SHARED, file.get(), 0);
        resident.resize(pages);
        entries.resize(pages);
        if (mapped == MAP_FAILED || mincore(mapped, pages * 4096, resident.data()) != 0)
            give_up("mincore");
        const auto* bytes = static_cast<const volatile char*>(mapped);
        for (std::size_t i = 0; i < pages; ++i) {
            if ((resident[i] & 1) != 0)
                (void)bytes[i * 4096];
        }
        const auto where = reinterpret_cast<std::uintptr_t>(mapped) / 4096 * sizeof(std::uint64_t);
        if (pread(map.get(), entries.data(), pages * sizeof(std::uint64_t),
                  static_cast<off_t>(where)) < 0)
            give_up("pagemap");
        for (std::size_t i = 0; i < pages; ++i)
            found += (resident[i] & 1) != 0 && entries[i] >> 63 != 0 ? 1 : 0;
        munmap(mapped, pages * 4096);
    }
    return found;
}

// KiB of a line of /proc/PID/status.
std::size_t memory_of(const std::string& process, const std::string& key) {
    std::ifstream status(fmt::format("/proc/{}/status", process));
    for (std::string word; status >> word;) {
        if (std::size_t kib = 0; word == key)
            return status >> kib ? kib : 0;
    }
    return 0;
}

// The greatest of any process of that name, while it lives.
class ChildMemory {
public:
    ChildMemory() : thread_([this] { watch(); }) {}
    std::size_t end() {
        over_ = true;
        thread_.join();
        return peak_;
    }

private:
    // A child of the guard's, which is one of this process's.
    void watch() {
        while (!over_) {
            std::ifstream guards(fmt::format("/proc/self/task/{}/children", getpid()));
            for (std::string guard; guards >> guard;) {
                std::ifstream children(fmt::format("/proc/{}/task/{}/children", guard, guard));
                for (std::string child; children >> child;)
                    peak_ = std::max(peak_, memory_of(child, "VmHWM:"));
            }
            usleep(500);
        }
    }
    std::atomic<bool> over_ = false;
    std::size_t peak_ = 0; // KiB
    std::thread thread_;
};

// Sizes from 1 byte to 128 KiB.
void make_tree(const std::string& tree) {
    std::vector<char> bytes(128 << 10);
    for (int i = 0; i < files; ++i) {
        const std::string folder = fmt::format("{}/{}", tree, i / 100);
        fs::create_directories(folder);
        const std::size_t size = 1 + static_cast<std::size_t>(i) * 7919u % bytes.size();
        std::fill(bytes.begin(), bytes.end(), static_cast<char>(i));
        std::ofstream file(fmt::format("{}/{}", folder, i), std::ios::binary);
        file << i;
        file.write(bytes.data(), static_cast<std::streamsize>(size));
    }
}

double seconds_of(Nanoseconds time) {
    return static_cast<double>(time) / static_cast<double>(second);
}

} // namespace

int main() {
    const std::string mkfs = erofs_tool("mkfs.erofs");
    if (mkfs.empty() || geteuid() != 0) {
        std::puts("needs root and mkfs.erofs");
        return skipped;
    }
    const ScratchFolder scratch("coldscope-bench-observe");
    make_tree(scratch.path() + "/tree");
    std::vector<Watched> watched;
    std::vector<std::string> folders;
    for (const char* name : {"one", "two"}) {
        const std::string image = fmt::format("{}/{}.erofs", scratch.path(), name);
        if (time_command({mkfs, image, scratch.path() + "/tree"}) < 0)
            give_up("mkfs.erofs");
        Watched& mounted = watched.emplace_back(Watched{scratch.path() + '/' + name, {}});
        folders.push_back(mounted.folder);
        fs::create_directory(mounted.folder);
        if (::mount(image.c_str(), mounted.folder.c_str(), "erofs", MS_RDONLY, "directio") != 0)
            give_up("mount");
        for (int i = 0; i < files; ++i) {
            mounted.paths.push_back(fmt::format("{}/{}", i / 100, i));
            std::ifstream file(mounted.folder + '/' + mounted.paths.back(), std::ios::binary);
            std::vector<char> all(std::istreambuf_iterator<char>(file), {});
        }
    }
    int status = 0;
    std::vector<double> observed, looped, ratios;
    std::size_t pages = 0, peak = 0;
    {
        auto observer = Observer::start(folders, guard::Rights::own);
        if (!observer)
            give_up(describe(observer.error()));
        for (int round = 0; round < rounds; ++round) {
            const Nanoseconds begin = monotonic_now();
            std::size_t found = 0;
            for (const Watched& one : watched)
                found += plain_loop(one);
            looped.push_back(seconds_of(monotonic_now() - begin));
            ChildMemory memory;
            const auto sample = (*observer)->sample(watched);
            peak = std::max(peak, memory.end() + memory_of("self", "VmRSS:"));
            if (!sample)
                give_up(describe(sample.error()));
            observed.push_back(seconds_of(sample->cost));
            ratios.push_back(observed.back() / looped.back());
            pages = sample->frames.size();
            if (pages != found) {
                fmt::print("{} pages observed, {} by the loop\n", pages, found);
                status = 1;
            }
        }
    }
    for (const std::string& folder : folders)
        umount2(folder.c_str(), MNT_DETACH);
    fmt::print("{} files, {} pages ({} MiB) resident\n", 2 * files, pages, pages / 256);
    fmt::print("plain loop: {:.3f} s\nseconds {:.3f}\npeak {:.1f} MiB\nratio {:.2f}\n",
               median(looped), median(observed), static_cast<double>(peak) / 1024, median(ratios));
    return status;
}
