// fanotify, every request kept, against a bare filler on the same image: one thread that reads an
// event, copies its range from the blob and lets the reader go on. All on one CPU, 0; the source
// is in the page cache. Root only. Its last lines: "ratio sequential X" (of throughput), "ratio
// random X" (of p50), "ratio readers X" (16 readers' throughput to one's), "ratio local X" (of
// throughput, all of it local, to a mount without a listener).
#include "core/rules/command.h"
#include "daemon/guard/fanotify.h"
#include "daemon/run/run.h"
#include "daemon/transport/fanotify_event.h"

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
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
namespace guard_fanotify = coldscope::fanotify;
using Clock = std::chrono::steady_clock;

constexpr off_t file_size = 128 << 20;
constexpr int pairs = 5;
constexpr int cpu = 0;

struct Served {
    std::string folder;
    std::string latency; // of the source, as "2ms"; empty for none
    [[nodiscard]] std::string at(const char* name) const { return folder + '/' + name; }
};

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void say_ready() {
    std::puts("ready");
    std::fflush(stdout);
}

void wait_for_end() {
    char byte = 0;
    while (read(0, &byte, 1) > 0) {
    }
}

// --- the servers, each in a process of its own ---

void mount_erofs(const Served& served, const std::string& image, const std::string& blob) {
    if (mount(image.c_str(), served.at("mount").c_str(), "erofs", MS_RDONLY,
              ("device=" + blob).c_str()) != 0)
        give_up("mount");
}

int serve_plain(const Served& served) {
    mount_erofs(served, served.at("image"), served.at("blob"));
    say_ready();
    wait_for_end();
    return umount2(served.at("mount").c_str(), 0) == 0 ? 0 : 1;
}

void fill(int group, int source, std::uint64_t size) {
    std::vector<std::byte> events(16384);
    std::vector<char> bytes(4 << 20);
    std::vector<coldscope::FanotifyEvent> decoded;
    for (;;) {
        pollfd entry{group, POLLIN, 0};
        poll(&entry, 1, -1);
        const ssize_t got = read(group, events.data(), events.size());
        if (got <= 0)
            continue;
        decoded.clear();
        (void)coldscope::decode_events(std::span(events).first(static_cast<std::size_t>(got)),
                                       decoded);
        for (const coldscope::FanotifyEvent& event : decoded) {
            const std::uint64_t left = size - std::min(event.offset, size);
            const std::size_t count = std::min({event.count, left, std::uint64_t{bytes.size()}});
            const auto offset = static_cast<off_t>(event.offset);
            const ssize_t have = pread(source, bytes.data(), count, offset);
            if (have > 0 &&
                pwrite(event.fd, bytes.data(), static_cast<std::size_t>(have), offset) != have)
                give_up("pwrite");
            const fanotify_response reply{event.fd, FAN_ALLOW};
            if (write(group, &reply, sizeof reply) < 0)
                give_up("reply");
            close(event.fd);
        }
    }
}

int serve_bare(const Served& served) {
    const std::string sparse = served.at("scratch") + "/blob";
    const int source = open(served.at("blob").c_str(), O_RDONLY | O_CLOEXEC);
    const int file = open(sparse.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct stat status {};
    if (source < 0 || file < 0 || fstat(source, &status) != 0 ||
        ftruncate(file, status.st_size) != 0)
        give_up("blob");
    const int group = fanotify_init(guard_fanotify::group_flags, guard_fanotify::event_flags);
    if (group < 0 ||
        fanotify_mark(group, FAN_MARK_ADD, guard_fanotify::pre_access, file, nullptr) != 0)
        give_up("fanotify");
    std::thread(fill, group, source, static_cast<std::uint64_t>(status.st_size)).detach();
    mount_erofs(served, served.at("image"), sparse);
    say_ready();
    wait_for_end();
    _exit(umount2(served.at("mount").c_str(), 0) == 0 ? 0 : 1);
}

int serve_coldscope(const Served& served) {
    coldscope::RunOptions options;
    options.image = served.at("image");
    options.devices = {served.at("blob")};
    options.mount_point = served.at("mount");
    options.cache = served.at("scratch");
    options.transport = coldscope::TransportKind::fanotify;
    if (!served.latency.empty())
        options.shape.latency = coldscope::parse_duration(served.latency).value();
    const auto run = coldscope::Run::start(options);
    if (!run) {
        std::fprintf(stderr, "%s\n", coldscope::describe(run.error()).c_str());
        return 1;
    }
    std::vector<coldscope::StepRecord> kept;
    kept.reserve(1 << 20);
    say_ready();
    for (;;) {
        (*run)->events().arm();
        (*run)->events().drain(
            [&](const coldscope::StepRecord& record) { kept.push_back(record); });
        std::array<pollfd, 2> entries{pollfd{0, POLLIN, 0},
                                      pollfd{(*run)->events().fd(), POLLIN, 0}};
        poll(entries.data(), entries.size(), 200);
        (*run)->beat();
        char byte = 0;
        if (entries[0].revents != 0 && read(0, &byte, 1) <= 0)
            break;
        // A window drains at its frame rate; waking for each record would only cost.
        std::this_thread::sleep_for(std::chrono::milliseconds(8));
    }
    const bool stopped = (*run)->stop().has_value();
    const auto lost = static_cast<unsigned long long>((*run)->events().lost());
    if (lost != 0)
        std::fprintf(stderr, "%llu events were lost\n", lost);
    return stopped && lost == 0 ? 0 : 1;
}

class Server {
public:
    // keeps: what lies in the scratch folder, before and after.
    Server(const char* mode, const Served& served, bool keeps = false)
        : scratch_(served.at("scratch")), keeps_(keeps) {
        fs::create_directories(scratch_);
        std::array<int, 2> in{};
        std::array<int, 2> out{};
        if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0)
            give_up("pipe");
        pid_ = fork();
        if (pid_ == 0) {
            dup2(in[0], 0);
            dup2(out[1], 1);
            execl("/proc/self/exe", "bench_fanotify", mode, served.folder.c_str(),
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
        if (!keeps_)
            fs::remove_all(scratch_);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

private:
    std::string scratch_;
    bool keeps_;
    pid_t pid_ = 0;
    int end_ = -1;
};

// --- the readers ---

int open_file(const Served& served, int advice) {
    const int fd = open((served.at("mount") + "/data").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        give_up("open");
    posix_fadvise(fd, 0, 0, advice);
    return fd;
}

void must_read(int fd, std::vector<char>& into, off_t offset) {
    if (pread(fd, into.data(), into.size(), offset) != static_cast<ssize_t>(into.size()))
        give_up("read");
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
    const Server server("--coldscope", served);
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

void drop_caches() {
    sync();
    std::ofstream("/proc/sys/vm/drop_caches") << "3\n";
}

void make_image(const fs::path& folder) {
    fs::create_directories(folder / "tree");
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
    if (std::system(command.c_str()) != 0)
        give_up("mkfs.erofs");
    fs::remove_all(folder / "tree");
}

// Pairs, one after the other; the median of their ratios.
double compare(const char* what, const char* unit, double scale,
               const std::function<double(bool ours)>& measure) {
    std::vector<double> ours;
    std::vector<double> peers;
    std::vector<double> ratios;
    for (int i = 0; i < pairs; ++i) {
        peers.push_back(measure(false));
        ours.push_back(measure(true));
        ratios.push_back(ours.back() / peers.back());
    }
    std::printf("%s: %.1f %s to %.1f %s\n", what, median(ours) * scale, unit, median(peers) * scale,
                unit);
    return median(ratios);
}

int serve(std::string_view mode, const Served& served) {
    return mode == "--plain"  ? serve_plain(served)
           : mode == "--bare" ? serve_bare(served)
                              : serve_coldscope(served);
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 4)
        return serve(argv[1], {argv[2], argv[3]});
    if (geteuid() != 0) {
        std::puts("skipped: fanotify needs root");
        return 0;
    }
    cpu_set_t one_cpu;
    CPU_ZERO(&one_cpu);
    CPU_SET(cpu, &one_cpu);
    if (sched_setaffinity(0, sizeof one_cpu, &one_cpu) != 0)
        give_up("sched_setaffinity");
    std::string name = (fs::temp_directory_path() / "bench_fanotify.XXXXXX").string();
    Served served{mkdtemp(name.data()), ""};
    make_image(served.folder);
    fs::create_directory(served.at("mount"));
    const auto cold = [&](double (*measure)(const Served&)) {
        return [&served, measure](bool ours) {
            const Server server(ours ? "--coldscope" : "--bare", served);
            return measure(served);
        };
    };
    const double seq = compare("cold sequential 128 KiB, coldscope to bare filler", "MB/s", 1e-6,
                               cold(sequential));
    const double random =
        compare("cold random 4 KiB p50, coldscope to bare filler", "us", 1e6, cold(random_p50));
    served.latency = "2ms";
    const double many = compare("2 ms source, 16 readers to 1", "reads/s", 1,
                                [&](bool ours) { return readers_rate(served, ours ? 16 : 1); });
    served.latency.clear();
    {
        const Server server("--coldscope", served, true);
        (void)sequential(served);
    }
    const double local = compare(
        "wholly local, cold page cache, coldscope to no listener", "MB/s", 1e-6, [&](bool ours) {
            const Server server(ours ? "--coldscope" : "--plain", served, true);
            drop_caches();
            return sequential(served);
        });
    std::printf("ratio sequential %.2f\nratio random %.2f\nratio readers %.2f\nratio local %.2f\n",
                seq, random, many, local);
    fs::remove_all(served.folder);
    return 0;
}
