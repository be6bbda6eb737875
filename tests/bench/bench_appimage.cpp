// What the AppImage costs at its start: the time from exec to the first window that is mapped, and
// the memory of that window once it is idle; against an AppImage that differs in its program alone,
// an empty window of Qt Widgets. Both in turns, on an X server of the bench's own, with the files
// in the page cache and a fresh home. The size is the file's.
//
// bench_appimage [COLDSCOPE.AppImage EMPTY.AppImage]: without them the one of this source tree; the
// other is made by packaging/appimage/build.
// Exit code 1 when a target is missed, 77 in an unoptimised build.
#include "core/base/clock.h"
#include "tests/bench/optimised.h"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <X11/Xlib.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

using namespace coldscope;
namespace fs = std::filesystem;

constexpr int rounds = 15;
constexpr int memory_rounds = 3; // the last ones; they wait for an idle window
constexpr int idle_ms = 2000;
constexpr int give_up_ms = 60'000;
constexpr int smallest_window = 100; // pixels; smaller ones are toolkits' own
constexpr double most_ratio = 2;
constexpr std::uintmax_t most_bytes = COLDSCOPE_APPIMAGE_LIMIT;

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}

pid_t spawn(const std::vector<std::string>& words, const posix_spawn_file_actions_t* files) {
    std::vector<char*> arguments;
    for (const std::string& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = -1;
    return posix_spawnp(&child, arguments[0], files, nullptr, arguments.data(), environ) == 0
               ? child
               : -1;
}

// Xvfb, until it goes out of scope; DISPLAY is its.
class Server {
public:
    Server() {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return;
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, ends[1], 3);
        server_ =
            spawn({"Xvfb", "-displayfd", "3", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"},
                  &files);
        posix_spawn_file_actions_destroy(&files);
        close(ends[1]);
        char number[16] = {};
        if (server_ > 0 && read(ends[0], number, sizeof number - 1) > 0) {
            setenv("DISPLAY", (":" + std::to_string(std::atoi(number))).c_str(), 1);
            display_ = XOpenDisplay(nullptr);
        }
        close(ends[0]);
        if (display_ == nullptr)
            return;
        // A window that is asked about may be gone by then.
        XSetErrorHandler([](Display*, XErrorEvent*) { return 0; });
        XSelectInput(display_, DefaultRootWindow(display_), SubstructureNotifyMask);
        XSync(display_, True);
    }
    ~Server() {
        if (display_ != nullptr)
            XCloseDisplay(display_);
        if (server_ > 0) {
            kill(server_, SIGTERM);
            waitpid(server_, nullptr, 0);
        }
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] bool is_there() const { return display_ != nullptr; }
    void forget() const { XSync(display_, True); }
    // Until a window is mapped that is no toolkit's own; false when none is for too long.
    [[nodiscard]] bool wait_for_window() const {
        pollfd here{ConnectionNumber(display_), POLLIN, 0};
        do {
            while (XPending(display_) > 0) {
                XEvent event;
                XNextEvent(display_, &event);
                XWindowAttributes window;
                if (event.type == MapNotify &&
                    XGetWindowAttributes(display_, event.xmap.window, &window) != 0 &&
                    window.width > smallest_window)
                    return true;
            }
        } while (poll(&here, 1, give_up_ms) > 0);
        return false;
    }

private:
    pid_t server_ = -1;
    Display* display_ = nullptr;
};

// Bytes; 0 when it is gone.
std::uint64_t proportional_set(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
    for (std::string word; file >> word;) {
        if (std::uint64_t kib = 0; word == "Pss:" && file >> kib)
            return kib << 10;
    }
    return 0;
}

// Of the processes that run the file itself: the AppImage's runtime.
std::uint64_t runtime_set(const fs::path& appimage) {
    std::uint64_t sum = 0;
    for (const fs::directory_entry& process : fs::directory_iterator("/proc")) {
        std::error_code none;
        if (fs::read_symlink(process.path() / "exe", none) == appimage)
            sum += proportional_set(std::atoi(process.path().filename().c_str()));
    }
    return sum;
}

struct Figures {
    std::vector<double> ms; // until the first window
    std::vector<double> program_mib;
    std::vector<double> all_mib; // with the runtime's process
};

// One start. Says why when there was no window.
bool measure(const Server& server, const fs::path& appimage, bool memory, Figures& into) {
    server.forget();
    const Nanoseconds begin = monotonic_now();
    const pid_t child = spawn({appimage.string()}, nullptr);
    const bool shown = child > 0 && server.wait_for_window();
    into.ms.push_back(static_cast<double>(monotonic_now() - begin) / 1e6);
    if (shown && memory) {
        std::this_thread::sleep_for(std::chrono::milliseconds(idle_ms));
        const double program = static_cast<double>(proportional_set(child)) / (1 << 20);
        into.program_mib.push_back(program);
        into.all_mib.push_back(program + static_cast<double>(runtime_set(appimage)) / (1 << 20));
    }
    if (child > 0) {
        kill(child, SIGTERM);
        waitpid(child, nullptr, 0);
    }
    if (!shown)
        fmt::print(stderr, "{} shows no window\n", appimage.string());
    // What it mounted goes after it.
    for (int tries = 0; tries < 200 && runtime_set(appimage) > 0; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return shown;
}

// Where none is given.
std::optional<fs::path> make_empty_appimage() {
    const fs::path file = fs::path(COLDSCOPE_APPIMAGE_FOLDER) / "Empty-x86_64.AppImage";
    const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "empty_window";
    const pid_t child =
        spawn({COLDSCOPE_APPIMAGE_BUILD, "--program", program, "--output", file}, nullptr);
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        return std::nullopt;
    return file;
}

} // namespace

int main(int argc, char** argv) {
    if (!bench::is_optimised())
        return bench::skipped;
    const fs::path own =
        fs::absolute(argc > 2 ? fs::path(argv[1])
                              : fs::path(COLDSCOPE_APPIMAGE_FOLDER) / "Coldscope-x86_64.AppImage");
    const std::optional<fs::path> empty =
        argc > 2 ? std::optional(fs::absolute(argv[2])) : make_empty_appimage();
    const Server server;
    if (!empty || !fs::exists(own) || !server.is_there()) {
        fmt::print(stderr, "{}\n",
                   !empty             ? "the empty AppImage was not made"
                   : !fs::exists(own) ? own.string() + " is missing"
                                      : "no X server: Xvfb did not start");
        return 1;
    }
    std::string home = (fs::temp_directory_path() / "coldscope-bench.XXXXXX").string();
    if (mkdtemp(home.data()) == nullptr)
        return 1;
    setenv("HOME", home.c_str(), 1);
    setenv("XDG_RUNTIME_DIR", home.c_str(), 1);
    setenv("QT_QPA_PLATFORM", "xcb", 1);
    for (const char* name : {"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "WAYLAND_DISPLAY"})
        unsetenv(name);

    Figures theirs, ours, unused;
    bool shown = measure(server, *empty, false, unused) && // both into the page cache
                 measure(server, own, false, unused);
    for (int i = 0; i < rounds && shown; ++i) {
        const bool memory = i >= rounds - memory_rounds;
        shown = measure(server, *empty, memory, theirs) && measure(server, own, memory, ours);
    }
    fs::remove_all(home);
    if (!shown)
        return 1;
    const double time_ratio = median(ours.ms) / median(theirs.ms);
    const double memory_ratio = median(ours.program_mib) / median(theirs.program_mib);
    const std::uintmax_t bytes = fs::file_size(own);
    fmt::print("first window: empty {:.0f} ms, Coldscope {:.0f} ms (medians of {})\n",
               median(theirs.ms), median(ours.ms), rounds);
    fmt::print("first window ratio {:.2f} (target {:.1f})\n", time_ratio, most_ratio);
    fmt::print("memory when idle: empty {:.1f} MiB, Coldscope {:.1f} MiB (PSS, medians of {})\n",
               median(theirs.program_mib), median(ours.program_mib), memory_rounds);
    fmt::print("with the process that serves the files: {:.1f} and {:.1f} MiB, ratio {:.2f}\n",
               median(theirs.all_mib), median(ours.all_mib),
               median(ours.all_mib) / median(theirs.all_mib));
    fmt::print("memory ratio {:.2f} (target {:.1f})\n", memory_ratio, most_ratio);
    fmt::print("size {:.1f} MB (target {:.0f})\n", static_cast<double>(bytes) / 1e6,
               static_cast<double>(most_bytes) / 1e6);
    return time_ratio > most_ratio || memory_ratio > most_ratio || bytes > most_bytes ? 1 : 0;
}
