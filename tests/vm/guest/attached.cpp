// The guest's side of tests/vm/test_vm_attach: readers of a run that a window on the other machine
// steers through a virtio-serial port. What the window does is seen in the run's events; what the
// readers do is said to the test, a line each.
#include "tests/vm/guest/guest.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>

namespace coldscope::guest {

namespace {

constexpr auto mount_point = "/mnt/attached";
constexpr auto hold_grace = "5s";
constexpr int window_patience_ms = 60'000;

std::string port() {
    for (const auto& entry : std::filesystem::directory_iterator("/dev")) {
        if (entry.path().filename().string().starts_with("vport"))
            return entry.path();
    }
    fail("the machine has no virtio-serial port");
}

template <typename... Arguments>
void say(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    fmt::print("{}\n", fmt::format(text, std::forward<Arguments>(arguments)...));
    std::fflush(stdout);
}

// The window has set a rule.
void wait_for_rule(Serve& serve) {
    const auto rule = serve.wait_for(
        [](const nlohmann::json& event) { return event["event"] == "rule"; }, window_patience_ms);
    check(rule.has_value(), "the window sets no rule");
}

// In the kernel, and it does not come back.
void check_waits(Child& reader) {
    check(!reader.ended(500) && waits_in_kernel(reader.pid()), "the reader does not wait");
}

class Readers {
public:
    Readers() : files_(originals(4096)) {
        check(files_.size() >= 8, "too few files");
        for (const std::string& file : files_)
            (void)size_of(path(file)); // its metadata: what follows asks for its bytes
    }
    // Another file's first page each time.
    const std::string& next() { return files_[next_++]; }
    static std::string path(const std::string& file) {
        return std::string(mount_point) + '/' + file;
    }

private:
    std::vector<std::string> files_;
    std::size_t next_ = 0;
};

// A whole file, read by a process that the window shows as sha256sum.
class Summing {
public:
    explicit Summing(const std::string& file)
        : sum_(::open("/tmp/sum", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)),
          process_(std::vector<std::string>{"/usr/bin/sha256sum", Readers::path(file)}, -1,
                   sum_.get()) {}
    Child& process() { return process_; }
    // Its sum, once it has ended.
    std::string sum() {
        check(process_.code("sha256sum", window_patience_ms) == 0, "sha256sum fails");
        std::string sum;
        std::ifstream("/tmp/sum") >> sum;
        return sum;
    }

private:
    Fd sum_;
    Child process_;
};

std::string steered_by_a_window() {
    Serve serve("/cache/attached", {"--listen", "dev:" + port(), "--hold-grace", hold_grace});
    check(mount_fsid("chunks", mount_point, "device=chunks.blob").code("the mount") == 0,
          "no mount");
    Readers readers;
    const std::string& first = readers.next();
    Summing summing(first);
    const pid_t first_reader = summing.process().pid();
    say("READ {} {} {}", first_reader, summing.sum(), first);

    // Held by the window, and released.
    wait_for_rule(serve);
    const std::string& held = readers.next();
    Summing reader(held);
    (void)serve.step("held");
    check_waits(reader.process());
    say("HELD {} {}", reader.process().pid(), held);
    say("RELEASED {} {}", reader.sum(), held);

    // Held, and failed as often as the kernel asks.
    wait_for_rule(serve);
    const std::string& failing = readers.next();
    Child unlucky = read_range(mount_point, failing, 0, 4096);
    (void)serve.step("held");
    check_waits(unlucky);
    say("FAILING {} {}", unlucky.pid(), failing);
    const int error = unlucky.code("the reader that is failed", window_patience_ms);
    say("FAILED {}", error);
    check(error == EIO, fmt::format("the reader got {} in place of EIO", error));

    // The window goes, and comes back within the grace.
    wait_for_rule(serve);
    const std::string& left = readers.next();
    Child waiting = read_range(mount_point, left, 0, 4096);
    (void)serve.step("held");
    check_waits(waiting);
    say("LEFT {} {}", waiting.pid(), left);
    wait_for_rule(serve); // the next window's first act
    check_waits(waiting);
    say("KEPT {} {}", waiting.pid(), left);
    check(waiting.code("the reader that was kept", window_patience_ms) == 0, "not the right bytes");
    say("GOES {}", left);

    // It goes, and does not.
    wait_for_rule(serve);
    const std::string& alone = readers.next();
    Child forgotten = read_range(mount_point, alone, 0, 4096);
    (void)serve.step("held");
    check_waits(forgotten);
    say("ALONE {} {}", forgotten.pid(), alone);
    const auto notice = serve.wait_for(
        [](const nlohmann::json& event) { return event["event"] == "notice"; }, window_patience_ms);
    check(notice.has_value(), "nobody says that the window is gone");
    check(forgotten.code("the reader that was left alone") == 0, "not the right bytes");
    say("OVER {}", (*notice)["text"].get<std::string>());
    check(read_range(mount_point, readers.next(), 0, 4096).code("a later reader") == 0,
          "not the right bytes");
    unmount(mount_point);
    check(serve.stop() == 0, "serve ended with an error");
    return "a window on the other machine held, released, failed, came back and went";
}

} // namespace

std::vector<Test> attach_tests() {
    return {{"steered_by_a_window", steered_by_a_window}};
}

} // namespace coldscope::guest
