// What prefetching costs readers: latencies of misses in FUSE blob mode, from question to answer,
// without a prefetch and while everything else is prefetched, in turns in one run. Root only. Its
// last lines: "ratio local p95 X" (a source without latency), "ratio p95 X" (one of 2 ms).
#include "core/request/request.h"
#include "core/rules/command.h"
#include "daemon/run/run.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace coldscope;
namespace fs = std::filesystem;

constexpr std::uint64_t file_size = 512u << 20;
constexpr std::uint64_t read_area = 64u << 20; // the first; the rest is prefetched
constexpr int turns = 5;                       // of each kind
constexpr std::size_t readers = 2;
constexpr std::size_t reads = 150; // of each reader in a turn
constexpr std::uint64_t ahead = (file_size - read_area) / turns;

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

void make_image(const fs::path& folder) {
    fs::create_directories(folder / "tree");
    std::ofstream file(folder / "tree/data", std::ios::binary);
    std::minstd_rand random(3);
    std::vector<std::uint32_t> words((1 << 20) / 4);
    for (std::uint64_t at = 0; at < file_size; at += 1 << 20) {
        std::generate(words.begin(), words.end(), std::ref(random)); // no chunk like another
        file.write(reinterpret_cast<const char*>(words.data()), 1 << 20);
    }
    file.close();
    const std::string command =
        ": >" + (folder / "blob").string() + // mkfs.erofs 1.8 does not create it
        "; mkfs.erofs --chunksize=1048576 --blobdev=" + (folder / "blob").string() + ' ' +
        (folder / "image").string() + ' ' + (folder / "tree").string() + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0)
        give_up("mkfs.erofs");
    fs::remove_all(folder / "tree");
}

// Pages, each by one reader, with pauses: in a process of its own, as readers are.
void read_pages(const std::string& path, const std::vector<off_t>& pages) {
    const pid_t child = fork();
    if (child == 0) {
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < readers; ++i) {
            threads.emplace_back([&, i] {
                const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
                posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
                std::vector<char> buffer(4096);
                for (std::size_t at = i; at < pages.size(); at += readers) {
                    if (pread(fd, buffer.data(), buffer.size(), pages[at]) != 4096)
                        _exit(1);
                    usleep(4000);
                }
            });
        }
        for (std::thread& thread : threads)
            thread.join();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0)
        give_up("a reader");
}

Nanoseconds p95(std::vector<Nanoseconds> times) {
    std::ranges::sort(times);
    return times.empty() ? 0 : times[times.size() * 95 / 100];
}

struct Misses {
    std::vector<Nanoseconds> alone;
    std::vector<Nanoseconds> beside;
    std::uint64_t prefetched = 0; // bytes, meanwhile
};

// Turns with a prefetch and without, one after the other, on a cold cache.
Misses measure(const fs::path& folder, const Shape& shape) {
    fs::remove_all(folder / "cache");
    RunOptions options;
    options.image = folder / "image";
    options.devices = {folder / "blob"};
    options.mount_point = folder / "mount";
    options.cache = folder / "cache";
    options.transport = TransportKind::fuse_blob;
    options.shape = shape;
    auto run = Run::start(options);
    if (!run) {
        std::fprintf(stderr, "%s\n", describe(run.error()).c_str());
        std::exit(1);
    }
    std::vector<off_t> pages(read_area / 4096);
    std::iota(pages.begin(), pages.end(), off_t{0});
    std::ranges::for_each(pages, [](off_t& page) { page *= 4096; });
    std::ranges::shuffle(pages, std::minstd_rand(1));
    Misses misses;
    RequestLog log;
    std::size_t used = 0;
    for (int turn = 0; turn < 2 * turns; ++turn) {
        const bool prefetching = turn % 2 == 1;
        if (prefetching) {
            const auto command = parse_command(
                "prefetch file=/data range=" + std::to_string(read_area + turn / 2 * ahead) + '+' +
                std::to_string(ahead));
            if (!command || !(*run)->command(*command))
                give_up("prefetch");
        }
        const auto first = pages.begin() + static_cast<std::ptrdiff_t>(used);
        const std::vector<off_t> mine(first, first + readers * reads);
        used += readers * reads;
        std::atomic<bool> done{false};
        std::thread beating([&] {
            while (!done.load()) {
                (*run)->beat();
                usleep(100'000);
            }
        });
        read_pages((folder / "mount/data").string(), mine);
        done = true;
        beating.join();
        (*run)->events().drain([&](const StepRecord& record) {
            const auto request = log.take(record);
            if (!request || request->arrived == 0 || (request->flags & flag::own) != 0)
                return;
            if ((request->flags & flag::prefetch) != 0)
                misses.prefetched += request->fetched;
            else if (request->fetched != 0)
                (prefetching ? misses.beside : misses.alone)
                    .push_back(request->ended - request->arrived);
        });
        if (prefetching) { // what is left of it
            (void)(*run)->command(*parse_command("prefetch stop"));
            usleep(200'000);
            (*run)->events().drain([&](const StepRecord& record) { (void)log.take(record); });
        }
    }
    if (!(*run)->stop())
        give_up("unmount");
    return misses;
}

// The ratio of the two p95.
double report(const char* source, const Misses& misses) {
    const auto alone = static_cast<double>(p95(misses.alone));
    const auto beside = static_cast<double>(p95(misses.beside));
    if (alone == 0 || beside == 0 || misses.prefetched == 0) {
        std::fprintf(stderr, "nothing to compare\n");
        std::exit(1);
    }
    std::printf("%s: p95 of misses %.3f ms alone (%zu), %.3f ms beside a prefetch (%zu) of %.1f "
                "MiB\n",
                source, alone / 1e6, misses.alone.size(), beside / 1e6, misses.beside.size(),
                static_cast<double>(misses.prefetched) / (1 << 20));
    return beside / alone;
}

} // namespace

int main() {
    if (geteuid() != 0) {
        std::puts("skipped: blob mode needs root");
        return 0;
    }
    std::string name = (fs::temp_directory_path() / "bench_prefetch.XXXXXX").string();
    const fs::path folder = mkdtemp(name.data());
    make_image(folder);
    fs::create_directory(folder / "mount");
    const double fast = report("local source", measure(folder, {}));
    Shape remote;
    remote.latency = 2 * millisecond;
    remote.bandwidth = 500u << 20;
    const double far = report("2 ms source", measure(folder, remote));
    std::printf("ratio local p95 %.2f\nratio p95 %.2f\n", fast, far);
    fs::remove_all(folder);
    return 0;
}
