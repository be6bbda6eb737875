// Runs in the virtual machine of bench_cachefiles: cold reads of one large file, served by
// coldscoped, which a window on the other machine is attached to, and by a bare loop in turns. A
// line for each on standard output:
//   FIGURE WHAT PEER VALUE
#include "core/base/clock.h"
#include "tests/bench/cachefiles_bare.h"
#include "tests/bench/made_bytes.h"
#include "tests/vm/guest/guest.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace coldscope::bench {
namespace {

using namespace coldscope::guest;
namespace fs = std::filesystem;

constexpr auto mount_point = "/mnt/bench";
const std::string file = std::string(mount_point) + "/file";
const std::string objects = std::string(data) + "/objects";
constexpr std::size_t page = 4096;
constexpr Nanoseconds far = 5 * millisecond; // the latency of a source that is
constexpr int random_reads = 3000;
constexpr int far_reads = 640;
constexpr int readers = 16;

// --- who serves ---

class Peer {
public:
    virtual ~Peer() = default;
    // All of its processes are gone.
    virtual void stop() = 0;
};

class BarePeer final : public Peer {
public:
    BarePeer(const std::string& cache, Nanoseconds latency)
        : process_([=] {
              std::printf("bare: %s\n", serve_bare(cache, objects, latency).c_str());
              return 1;
          }) {}
    void stop() override {
        process_.kill(SIGKILL);
        check(process_.ended(patience_ms).has_value(), "the bare loop can't be killed");
    }

private:
    Child process_;
};

// A virtio-serial port; the other machine has its other end.
std::string port() {
    for (const auto& entry : fs::directory_iterator("/dev")) {
        if (entry.path().filename().string().starts_with("vport"))
            return entry.path();
    }
    check(false, "no port");
    return {};
}

class ColdscopePeer final : public Peer {
public:
    // listens: for a window that keeps every event; else they are lines in memory here.
    ColdscopePeer(const std::string& cache, Nanoseconds latency, bool listens) {
        fs::remove(events);
        std::array<int, 2> ends{};
        check(pipe2(ends.data(), O_CLOEXEC) == 0, "no pipe");
        const Fd input(ends[0]);
        commands_.reset(ends[1]);
        process_ = Child(
            std::vector<std::string>{
                "/bin/sh", "-c",
                fmt::format("exec coldscoped serve --cache {} --from {} --latency {}ns {} >{}",
                            cache, objects, latency,
                            listens ? "--quiet --listen dev:" + port() : "--json", events)},
            input.get());
        for (int i = 0; !said("ready") && i < 1000; ++i)
            usleep(10'000);
        const auto guards = processes_called("coldscope-guard");
        check(!guards.empty(), "coldscoped is not ready");
        guard_ = guards.front();
        if (listens)
            usleep(attaching_us);
    }
    void stop() override {
        process_.kill(SIGTERM);
        check(process_.code("coldscoped at its end") == 0, "coldscoped ended with an error");
        for (int i = 0; ::kill(guard_, 0) == 0 && i < 1000; ++i)
            usleep(10'000);
        check(said("\"lost_events\":0") || said("events       0 lost"), "events were lost");
    }
    void command(const std::string& line) const {
        check(::write(commands_.get(), (line + '\n').data(), line.size() + 1) > 0, "no commands");
    }
    // The last event; once stopped.
    static nlohmann::json summary() {
        std::ifstream lines(events);
        std::string last;
        for (std::string line; std::getline(lines, line);)
            last = std::move(line);
        return nlohmann::json::parse(last);
    }

private:
    static constexpr auto events = "/tmp/events";
    static constexpr useconds_t attaching_us = 3'000'000; // a window asks every second
    static bool said(const std::string& text) {
        std::ifstream lines(events);
        for (std::string line; std::getline(lines, line);) {
            if (line.find(text) != std::string::npos)
                return true;
        }
        return false;
    }

    Child process_;
    Fd commands_;
    pid_t guard_ = 0;
};

// --- who reads ---

void read_page(int fd, std::vector<char>& into, std::uint64_t number) {
    const std::uint64_t at = number * page;
    check(pread(fd, into.data(), page, static_cast<off_t>(at)) == page, "a read failed");
    check(made_word_at(into, 0) == made_word(at) &&
              made_word_at(into, page - 8) == made_word(at + page - 8),
          "wrong bytes");
}

Fd open_file(int advice) {
    Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    check(static_cast<bool>(fd), "no file");
    posix_fadvise(fd.get(), 0, 0, advice);
    return fd;
}

double per_second(double amount, Nanoseconds since) {
    return amount / (static_cast<double>(monotonic_now() - since) / 1e9);
}

// No two alike; others for another seed.
std::vector<std::uint64_t> random_pages(std::size_t count, unsigned seed) {
    std::vector<std::uint64_t> pages(size_of(file) / page);
    std::iota(pages.begin(), pages.end(), std::uint64_t{0});
    std::ranges::shuffle(pages, std::minstd_rand(seed));
    pages.resize(count);
    return pages;
}

// Reads a second.
double random(int count, int threads, unsigned seed) {
    const auto pages = random_pages(static_cast<std::size_t>(count), seed);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::vector<std::jthread> reading;
    const Nanoseconds began = monotonic_now();
    for (int i = 0; i < threads; ++i) {
        reading.emplace_back([&] {
            try {
                const Fd fd = open_file(POSIX_FADV_RANDOM);
                std::vector<char> buffer(page);
                for (std::size_t at = next++; at < pages.size(); at = next++)
                    read_page(fd.get(), buffer, pages[at]);
            } catch (const std::exception&) {
                failed = true;
            }
        });
    }
    reading.clear();
    const double result = per_second(count, began);
    check(!failed, "a reader got wrong bytes or an error");
    return result;
}

// MiB a second.
double sequential() {
    const Fd fd = open_file(POSIX_FADV_NORMAL);
    std::vector<char> buffer(128 << 10);
    const std::uint64_t size = size_of(file);
    const Nanoseconds began = monotonic_now();
    for (std::uint64_t at = 0; at < size; at += buffer.size()) {
        check(pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(at)) ==
                  static_cast<ssize_t>(buffer.size()),
              "a read failed");
        for (std::size_t in = 0; in < buffer.size(); in += page)
            check(made_word_at(buffer, in) == made_word(at + in), "wrong bytes");
    }
    return per_second(static_cast<double>(size) / (1 << 20), began);
}

// --- rounds ---

struct Measure {
    std::string name;
    Nanoseconds latency = 0;
    std::function<double(unsigned seed)> run;
};

void mount_and_look() {
    int code = -1;
    for (int i = 0; code != 0 && i < 100; ++i, usleep(20'000)) // who serves binds the device
        code = mount_fsid("bench", mount_point).code("the mount");
    check(code == 0, "no mount");
    (void)size_of(file); // metadata
    usleep(200'000);
}

// On a cache that nobody has used.
double measure(const Measure& what, const std::string& peer, unsigned round) {
    const std::string cache = make_folder("/cache/bench");
    std::unique_ptr<Peer> serving;
    if (peer == "bare")
        serving = std::make_unique<BarePeer>(cache, what.latency);
    else
        serving = std::make_unique<ColdscopePeer>(cache, what.latency, true);
    mount_and_look();
    const double result = what.run(round + 1);
    unmount(mount_point);
    serving->stop();
    fs::remove_all(cache);
    drop_caches();
    return result;
}

void compare(unsigned rounds, std::string_view only) {
    const std::vector<Measure> measures{
        {"random", 0, [](unsigned seed) { return random(random_reads, 1, seed); }},
        {"sequential", 0, [](unsigned) { return sequential(); }},
        {"readers", far, [](unsigned seed) { return random(far_reads, readers, seed); }},
    };
    for (unsigned round = 0; round < rounds; ++round) {
        for (const Measure& what : measures) {
            if (!only.empty() && only != what.name)
                continue;
            // Each goes first as often as the other.
            for (const int turn : {0, 1}) {
                const std::string peer = (turn + round) % 2 == 0 ? "bare" : "coldscoped";
                std::printf("FIGURE %s %s %.3f\n", what.name.c_str(), peer.c_str(),
                            measure(what, peer, round));
                std::fflush(stdout);
            }
        }
    }
}

// --- beside a prefetch ---

constexpr std::uint64_t read_area = 24u << 20; // bytes at the file's start, for readers alone
constexpr std::uint64_t ahead = 4u << 20;      // of one turn's prefetch
constexpr std::size_t slow_readers = 4;
constexpr std::size_t reads_a_turn = 150; // of one reader

// What each took. Every byte is looked at.
std::vector<Nanoseconds> read_with_pauses(std::span<const std::uint64_t> pages) {
    std::vector<Nanoseconds> times(pages.size());
    std::atomic<bool> failed{false};
    std::vector<std::jthread> reading;
    for (std::size_t reader = 0; reader < slow_readers; ++reader) {
        reading.emplace_back([&, reader] {
            const Fd fd = open_file(POSIX_FADV_RANDOM);
            std::vector<char> buffer(page);
            for (std::size_t i = reader; i < pages.size(); i += slow_readers) {
                const std::uint64_t at = pages[i] * page;
                const Nanoseconds began = monotonic_now();
                failed = failed || pread(fd.get(), buffer.data(), page, static_cast<off_t>(at)) !=
                                       ssize_t{page};
                times[i] = monotonic_now() - began;
                for (std::size_t in = 0; in < page; in += 8)
                    failed = failed || made_word_at(buffer, in) != made_word(at + in);
                usleep(20'000);
            }
        });
    }
    reading.clear();
    check(!failed, "a reader got wrong bytes or an error");
    return times;
}

Nanoseconds p95(std::vector<Nanoseconds> times) {
    std::ranges::sort(times);
    return times[times.size() * 95 / 100];
}

// Turns with a prefetch and without.
void beside_a_prefetch(const std::string& name, Nanoseconds latency, unsigned rounds) {
    const std::string cache = make_folder("/cache/bench");
    ColdscopePeer serving(cache, latency, false);
    mount_and_look();
    std::vector<std::uint64_t> pages(read_area / page);
    std::iota(pages.begin(), pages.end(), std::uint64_t{0});
    std::ranges::shuffle(pages, std::minstd_rand(1));
    std::array<std::vector<Nanoseconds>, 2> times;
    const std::size_t each = slow_readers * reads_a_turn;
    const std::size_t turns = std::min<std::size_t>(2 * std::size_t{rounds}, pages.size() / each);
    for (std::size_t turn = 0; turn < turns; ++turn) {
        const std::size_t with = turn % 2;
        if (with == 1)
            serving.command(fmt::format("prefetch object=bench range={}+{}",
                                        read_area + turn / 2 * ahead, ahead));
        const auto got = read_with_pauses(std::span(pages).subspan(turn * each, each));
        times[with].insert(times[with].end(), got.begin(), got.end());
        if (with == 1) {
            serving.command("prefetch stop");
            usleep(200'000);
        }
    }
    unmount(mount_point);
    serving.stop();
    const auto summary = ColdscopePeer::summary();
    const auto bytes = [&](const char* what) {
        return summary[fmt::format("bytes_{}", what)].get<std::uint64_t>();
    };
    check(bytes("missed") + bytes("amplified") + bytes("prefetched") == bytes("fetched"),
          "the sums are wrong: " + summary.dump());
    std::printf("AHEAD %s %llu %llu %llu\n", name.c_str(),
                static_cast<unsigned long long>(p95(times[0])),
                static_cast<unsigned long long>(p95(times[1])),
                static_cast<unsigned long long>(bytes("prefetched")));
    std::printf("SUMS %s %llu missed + %llu amplified + %llu prefetched = %llu fetched\n",
                name.c_str(), static_cast<unsigned long long>(bytes("missed")),
                static_cast<unsigned long long>(bytes("amplified")),
                static_cast<unsigned long long>(bytes("prefetched")),
                static_cast<unsigned long long>(bytes("fetched")));
    std::fflush(stdout);
    fs::remove_all(cache);
    drop_caches();
}

} // namespace
} // namespace coldscope::bench

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const auto rounds =
            argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 5;
        const std::string_view only = argc > 2 ? argv[2] : "";
        coldscope::bench::compare(rounds, only);
        if (!only.empty())
            return 0;
        coldscope::bench::beside_a_prefetch("local", 0, rounds);
        coldscope::bench::beside_a_prefetch("far", coldscope::bench::far, rounds);
    } catch (const std::exception& error) {
        std::printf("FAILED %s\n", error.what());
        return 1;
    }
    return 0;
}
