// How long until the first window is there: Coldscope's against an empty one of Qt Widgets, as
// processes, in turns, on the display that there is, else offscreen. Prints the medians and "first
// window ratio X"; the target is 2.
// Exit code 77 in an unoptimised build.
#include "core/base/clock.h"
#include "tests/bench/optimised.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

constexpr int rounds = 15;

// Milliseconds from its start to its end; negative when it failed.
double run(const std::string& program) {
    std::vector<char*> arguments{const_cast<char*>(program.c_str()), nullptr};
    const coldscope::Nanoseconds begin = coldscope::monotonic_now();
    pid_t child = 0;
    if (posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0)
        return -1;
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return -1;
    return static_cast<double>(coldscope::monotonic_now() - begin) / 1e6;
}

double median(std::vector<double> times) {
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

} // namespace

int main() {
    if (!coldscope::bench::is_optimised())
        return coldscope::bench::skipped;
    if (getenv("DISPLAY") == nullptr && getenv("WAYLAND_DISPLAY") == nullptr)
        setenv("QT_QPA_PLATFORM", "offscreen", 0);
    const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    const std::string empty_program = folder / "start_empty_window";
    const std::string own_program = folder / "start_window";
    std::vector<double> empty;
    std::vector<double> own;
    (void)run(empty_program); // both into the page cache
    (void)run(own_program);
    for (int i = 0; i < rounds; ++i) {
        empty.push_back(run(empty_program));
        own.push_back(run(own_program));
        if (empty.back() < 0 || own.back() < 0) {
            fmt::print(stderr, "a window did not start\n");
            return 1;
        }
    }
    fmt::print("empty window {:.0f} ms, Coldscope {:.0f} ms (medians of {})\n", median(empty),
               median(own), rounds);
    fmt::print("first window ratio {:.2f}\n", median(own) / median(empty));
    return 0;
}
