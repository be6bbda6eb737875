// Runs in the virtual machine: each test that is named, or all; a line for each on standard output.
#include "tests/vm/guest/guest.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>

#include <unistd.h>

namespace coldscope::guest {
namespace {

// One whose test went wrong may have left something behind.
void clean_up() {
    for (const char* name : {"coldscoped", "coldscope-guard"}) {
        for (const pid_t process : processes_called(name))
            kill(process, SIGKILL);
    }
    unmount_all();
    drop_caches();
    usleep(100'000);
}

bool run(const Test& test) {
    const auto began = std::chrono::steady_clock::now();
    std::string seen;
    bool passed = false;
    try {
        seen = test.run();
        passed = true;
    } catch (const std::exception& error) {
        seen = error.what();
    }
    clean_up();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("RESULT %s %s %.1f s: %s\n", passed ? "pass" : "FAIL", test.name.c_str(),
                took.count(), seen.c_str());
    std::fflush(stdout);
    return passed;
}

} // namespace
} // namespace coldscope::guest

int main(int argc, char** argv) {
    using namespace coldscope::guest;
    std::signal(SIGPIPE, SIG_IGN);
    const std::vector<std::string> names(argv + 1, argv + argc);
    int failed = 0;
    for (const auto& tests : {layout_tests(), failure_tests(), death_tests(), bare_tests(),
                              trace_tests(), ahead_tests(), load_tests(), attach_tests()}) {
        for (const Test& test : tests) {
            const bool wanted = std::ranges::any_of(
                names, [&](const std::string& name) { return test.name.starts_with(name); });
            if (names.empty() || wanted)
                failed += run(test) ? 0 : 1;
        }
    }
    std::printf("RESULTS END %d failed\n", failed);
    return failed == 0 ? 0 : 1;
}
