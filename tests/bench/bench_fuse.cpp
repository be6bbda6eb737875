// FUSE blob mode, every request kept, against the least libfuse server in the same mode: cold
// sequential reads of 128 KiB, random reads of 4 KiB; and many readers on a slow source.
// Root only. Its last lines: "ratio sequential X" (of throughput), "ratio random X" (of p50),
// "ratio readers X" (16 readers' throughput to one's).
#include "tests/bench/fuse_server.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using coldscope::bench::Served;
using Clock = std::chrono::steady_clock;

constexpr off_t file_size = 128 << 20;
constexpr int pairs = 5;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// A server in a process of its own, mounted while this lives.
class Server {
public:
    Server(const char* mode, const Served& served) : served_(served) {
        std::filesystem::create_directories(served.scratch);
        std::array<int, 2> in{};
        std::array<int, 2> out{};
        if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0)
            std::abort();
        pid_ = fork();
        if (pid_ == 0) {
            dup2(in[0], 0);
            dup2(out[1], 1);
            execl("/proc/self/exe", "bench_fuse", mode, served.bootstrap.c_str(),
                  served.blob.c_str(), served.mount.c_str(), served.scratch.c_str(),
                  served.latency.c_str(), nullptr);
            _exit(127);
        }
        close(in[0]);
        close(out[1]);
        end_ = in[1];
        std::array<char, 6> ready{};
        if (read(out[0], ready.data(), ready.size()) != 6) {
            std::fprintf(stderr, "%s did not start\n", mode);
            std::exit(1);
        }
        close(out[0]);
    }
    ~Server() {
        close(end_);
        int status = 0;
        waitpid(pid_, &status, 0);
        if (status != 0)
            std::fprintf(stderr, "a server ended with status %d\n", status);
        std::filesystem::remove_all(served_.scratch);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

private:
    Served served_;
    pid_t pid_ = 0;
    int end_ = -1;
};

int open_file(const Served& served, int advice) {
    const int fd = open((served.mount + "/data").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        std::perror("open");
        std::exit(1);
    }
    posix_fadvise(fd, 0, 0, advice);
    return fd;
}

void must_read(int fd, std::vector<char>& into, off_t offset) {
    if (pread(fd, into.data(), into.size(), offset) != static_cast<ssize_t>(into.size())) {
        std::perror("read");
        std::exit(1);
    }
}

// Bytes a second.
double sequential(const Served& served) {
    const int fd = open_file(served, POSIX_FADV_NORMAL);
    std::vector<char> buffer(128 << 10);
    const auto start = Clock::now();
    for (off_t at = 0; at < file_size; at += static_cast<off_t>(buffer.size()))
        must_read(fd, buffer, at);
    const double result = static_cast<double>(file_size) / seconds_since(start);
    close(fd);
    return result;
}

std::vector<off_t> random_pages(std::size_t count, unsigned seed) {
    std::vector<off_t> pages(static_cast<std::size_t>(file_size / 4096));
    std::iota(pages.begin(), pages.end(), off_t{0});
    std::shuffle(pages.begin(), pages.end(), std::minstd_rand(seed));
    pages.resize(count);
    return pages;
}

// The median latency in seconds.
double random_p50(const Served& served) {
    const int fd = open_file(served, POSIX_FADV_RANDOM);
    std::vector<char> buffer(4096);
    std::vector<double> times;
    for (const off_t page : random_pages(8000, 1)) {
        const auto start = Clock::now();
        must_read(fd, buffer, page * 4096);
        times.push_back(seconds_since(start));
    }
    close(fd);
    return median(std::move(times));
}

// Reads a second of so many readers at once, each on pages of its own.
double readers_rate(const Served& served, std::size_t readers) {
    constexpr std::size_t each = 200;
    const auto pages = random_pages(each * readers, 7);
    const auto start = Clock::now();
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < readers; ++i) {
        threads.emplace_back([&, i] {
            const int fd = open_file(served, POSIX_FADV_RANDOM);
            std::vector<char> buffer(4096);
            for (std::size_t n = 0; n < each; ++n)
                must_read(fd, buffer, pages[i * each + n] * 4096);
            close(fd);
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    return static_cast<double>(each * readers) / seconds_since(start);
}

void make_image(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder / "tree");
    {
        std::ofstream file(folder / "tree/data", std::ios::binary);
        std::minstd_rand random(3);
        std::vector<std::uint32_t> words((1 << 20) / 4);
        for (off_t at = 0; at < file_size; at += 1 << 20) {
            std::generate(words.begin(), words.end(), std::ref(random)); // no chunk like another
            file.write(reinterpret_cast<const char*>(words.data()), 1 << 20);
        }
    }
    const std::string command =
        ": >" + (folder / "blob").string() + // mkfs.erofs 1.8 does not create it
        "; mkfs.erofs --chunksize=1048576 --blobdev=" + (folder / "blob").string() + ' ' +
        (folder / "image").string() + ' ' + (folder / "tree").string() + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) {
        std::fprintf(stderr, "mkfs.erofs failed\n");
        std::exit(1);
    }
    std::filesystem::remove_all(folder / "tree");
}

double compare(const char* what, const char* unit, double scale, const Served& served,
               double (*measure)(const Served&)) {
    std::vector<double> ours;
    std::vector<double> peers;
    std::vector<double> ratios;
    for (int i = 0; i < pairs; ++i) {
        {
            const Server server("--peer", served);
            peers.push_back(measure(served));
        }
        {
            const Server server("--coldscope", served);
            ours.push_back(measure(served));
        }
        ratios.push_back(ours.back() / peers.back());
    }
    std::printf("%s: coldscope %.1f %s, peer %.1f %s\n", what, median(ours) * scale, unit,
                median(peers) * scale, unit);
    return median(ratios);
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 7) {
        const Served served{argv[2], argv[3], argv[4], argv[5], argv[6]};
        return std::string_view(argv[1]) == "--peer" ? coldscope::bench::serve_peer(served)
                                                     : coldscope::bench::serve_coldscope(served);
    }
    if (geteuid() != 0) {
        std::puts("skipped: blob mode needs root");
        return 0;
    }
    std::string name = (std::filesystem::temp_directory_path() / "bench_fuse.XXXXXX").string();
    const std::filesystem::path folder = mkdtemp(name.data());
    make_image(folder);
    std::filesystem::create_directory(folder / "mount");
    Served served{folder / "image", folder / "blob", folder / "mount", folder / "scratch", ""};
    const double seq = compare("cold sequential 128 KiB", "MB/s", 1e-6, served, sequential);
    const double random = compare("cold random 4 KiB p50", "us", 1e6, served, random_p50);
    served.latency = "5ms";
    double one = 0;
    double many = 0;
    {
        const Server server("--coldscope", served);
        one = readers_rate(served, 1);
    }
    {
        const Server server("--coldscope", served);
        many = readers_rate(served, 16);
    }
    std::printf("5 ms source: 1 reader %.0f reads/s, 16 readers %.0f reads/s\n", one, many);
    std::printf("ratio sequential %.2f\nratio random %.2f\nratio readers %.2f\n", seq, random,
                many / one);
    std::filesystem::remove_all(folder);
    return 0;
}
