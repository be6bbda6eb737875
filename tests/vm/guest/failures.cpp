// What can go wrong with one request, and what its reader or its mount sees.
#include "tests/vm/guest/guest.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace coldscope::guest {

namespace {

constexpr auto mount_point = "/mnt/failures";

std::string seen(int code) {
    return code >= 1000 ? fmt::format("signal {}", code - 1000)
                        : std::string(strerrorname_np(code));
}

const std::string& large_file() {
    static const std::string name = originals(1 << 20).front();
    return name;
}

Child read_large(std::uint64_t offset, std::uint64_t length = 4096) {
    return read_range(mount_point, large_file(), offset, length);
}

std::string open_failed() {
    Serve serve("/cache/open-failed");
    serve.rule("fail EACCES next op=open object=plain");
    const int code = mount_fsid("plain", mount_point).code("the mount");
    check(code == ENOBUFS || code == EIO, "the mount got " + seen(code));
    const auto step = serve.step("answered", "open", "plain");
    check(step["error"] == "EACCES" && step.value("by_rule", false), step.dump());
    // An object that nobody has.
    const int none = mount_fsid("nobody.has.it", mount_point).code("the mount");
    check(none == ENOBUFS || none == EIO, "the mount got " + seen(none));
    check(serve.step("answered", "open", "nobody.has.it")["error"] == "ENOENT", "no ENOENT");
    // A name that leads elsewhere.
    const int away = mount_fsid("..", mount_point).code("the mount");
    check(away != 0, "a mount of ..");
    mount_plain(mount_point);
    return fmt::format("mounts got {} and {}; a later one stands", seen(code), seen(none));
}

std::string open_held() {
    Serve serve("/cache/open-held");
    serve.rule("hold op=open");
    Child mounting = mount_fsid("plain", mount_point);
    auto held = serve.step("held", "open", "plain");
    check(!mounting.ended(300) && waits_in_kernel(mounting.pid()), "the mount does not wait");
    serve.command("release " + held["request"].dump());
    check(mounting.code("the mount") == 0, "no mount");
    unmount(mount_point);
    // Failed by hand.
    serve.rule("hold op=open");
    Child failing = mount_fsid("inline", mount_point);
    held = serve.step("held", "open", "inline");
    serve.command("fail " + held["request"].dump() + " EACCES");
    const int code = failing.code("the mount");
    check(code == ENOBUFS || code == EIO, "the mount got " + seen(code));
    // It ignores every signal; the end of the run lets it go.
    Child waiting = mount_fsid("chunks", mount_point, "device=chunks.blob");
    (void)serve.step("held", "open", "chunks");
    waiting.kill(SIGKILL);
    const bool ignored = !waiting.ended(500);
    check(serve.stop() == 0, "serve ended with an error");
    check(waiting.ended(10'000).has_value(), "the mount hangs after the end");
    return fmt::format("the mount waited, went on, got {}; SIGKILL {} while it waited", seen(code),
                       ignored ? "was ignored" : "ended it");
}

std::string open_with_wrong_size() {
    Serve serve("/cache/wrong-size");
    serve.rule("fail partial next op=open object=plain");
    const int code = mount_fsid("plain", mount_point).code("the mount");
    const auto step = serve.step("answered", "open", "plain");
    check(step.value("partial", false), step.dump());
    if (code != 0)
        return "half of its size was said: the mount got " + seen(code);
    const int right = right_files(mount_point);
    return fmt::format("half of its size was said: the kernel does not look, {} files right",
                       right);
}

std::string read_failed() {
    Serve serve("/cache/read-failed");
    mount_plain(mount_point);
    serve.rule("fail EACCES all");
    Child reading = read_large(0);
    const int code = reading.code("the reader");
    check(code == EIO, "the reader got " + seen(code));
    serve.settle();
    const int asked = serve.count("arrived", "read");
    serve.command("clear");
    serve.rule("hold object=nobody"); // stands once the others are gone
    check(read_large(0).code("the reader") == 0, "no right bytes later");
    return fmt::format("nothing was written: the reader got EIO whatever errno was meant; right "
                       "bytes later ({} reads in all)",
                       asked);
}

std::string read_held_and_late() {
    Serve serve("/cache/read-held");
    mount_plain(mount_point);
    serve.rule("hold next");
    Child reading = read_large(0);
    const auto held = serve.step("held", "read");
    check(!reading.ended(500) && waits_in_kernel(reading.pid()), "the reader does not wait");
    serve.command("release " + held["request"].dump());
    check(reading.code("the reader") == 0, "wrong bytes");
    serve.rule("delay 400ms next");
    Child later = read_large(1 << 20);
    const auto delayed = serve.step("delayed", "read");
    check(later.code("the reader") == 0, "wrong bytes");
    const auto answered = serve.wait_for([&](const nlohmann::json& one) {
        return one["event"] == "answered" && one["request"] == delayed["request"];
    });
    check(answered.has_value(), "it was not answered");
    check((*answered)["time"].get<std::int64_t>() - delayed["time"].get<std::int64_t>() >=
              400'000'000,
          "it was not delayed");
    return "the reader waited for a release and for a delay, right bytes";
}

std::string read_answered_partly() {
    Serve serve("/cache/read-partly");
    mount_plain(mount_point);
    serve.rule("fail partial next");
    Child reading = read_large(0, 1 << 20);
    check(reading.code("the reader") == 0, "wrong bytes, or an error");
    const auto step = serve.wait_for([](const nlohmann::json& event) {
        return event["event"] == "answered" && event.value("partial", false);
    });
    check(step.has_value(), "nothing was answered partly");
    return fmt::format("half of a read of {} bytes: the kernel asked for the rest, right bytes",
                       (*step)["length"].get<int>());
}

std::string reader_killed() {
    Serve serve("/cache/reader-killed");
    mount_plain(mount_point);
    serve.rule("hold next");
    Child reading = read_large(0);
    const auto held = serve.step("held", "read");
    reading.kill(SIGKILL);
    check(reading.code("the reader") == 1000 + SIGKILL, "the reader was not killed");
    // Nobody releases it: its thread is known, and gone.
    const auto lost = serve.wait_for([&](const nlohmann::json& one) {
        return one["event"] == "lost" && one["request"] == held["request"];
    });
    check(lost.has_value(), "its request is not lost");
    check(read_large(0).code("the next reader") == 0, "wrong bytes later");
    return "its request is lost (the kernel says EINVAL to an answer); right bytes later";
}

std::string low_space() {
    struct statvfs disk {};
    check(statvfs("/cache", &disk) == 0, "no disk");
    const auto free = static_cast<int>(disk.f_bavail * 100 / disk.f_blocks);
    Serve serve("/cache/low-space", {"--limits", fmt::format("brun={}%,bcull={}%,bstop={}%",
                                                             free - 3, free - 4, free - 5)});
    check(mount_fsid("plain", mount_point).code("the mount") == 0, "no mount");
    check(read_large(0).code("the reader") == 0, "wrong bytes");
    const std::string filler = "/cache/filler";
    const int fd = ::open(filler.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const auto tenth = static_cast<off_t>(disk.f_blocks * disk.f_frsize / 10);
    const bool filled = posix_fallocate(fd, 0, tenth) == 0;
    ::close(fd);
    check(filled, "the disk can't be filled");
    Child reading = read_large(1 << 20);
    const int code = reading.code("the reader");
    const auto failed = serve.wait_for([](const nlohmann::json& event) {
        return event["event"] == "answered" && event["result"] != 0;
    });
    unlink(filler.c_str());
    check(code == EIO, "the reader got " + seen(code));
    check(failed.has_value(), "no request failed");
    const std::string error = (*failed)["error"];
    check(error == "ENOBUFS" || error == "ENOSPC", "the write got " + error);
    int later = -1;
    for (int i = 0; i < 20 && later != 0; ++i, usleep(200'000))
        later = read_large(1 << 20).code("the reader");
    check(later == 0, "no right bytes once there is room again: " + seen(later));
    return fmt::format("the write got {}, the reader EIO; right bytes once there is room", error);
}

// Nothing is written to the file system of a path meanwhile: whoever does waits.
class Frozen {
public:
    explicit Frozen(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        check(ioctl(fd_.get(), FIFREEZE, 0) == 0, "the disk can't be frozen");
    }
    ~Frozen() { ioctl(fd_.get(), FITHAW, 0); }
    Frozen(const Frozen&) = delete;
    Frozen& operator=(const Frozen&) = delete;

private:
    Fd fd_;
};

// The reader of what is being written waits for the disk; nobody else does, and the guard, whose
// patience is shorter, takes nobody for dead.
std::string disk_stalls() {
    Serve serve("/cache/stalls");
    mount_plain(mount_point);
    check(read_large(0).code("the reader") == 0, "wrong bytes");
    serve.settle();
    std::optional<Frozen> frozen(std::in_place, "/cache");
    Child reading = read_large(256 << 10);
    (void)serve.step("fetching", "read");
    for (int i = 1; i <= 3; ++i) {
        serve.rule("fail EIO all");
        Child unlucky = read_large(static_cast<std::uint64_t>(i + 1) << 18);
        const int code = unlucky.code("a reader that is failed");
        check(code == EIO, "the one that is failed got " + seen(code));
        serve.command("clear");
        serve.rule("hold next");
        Child held = read_large(static_cast<std::uint64_t>(i + 1) << 18);
        (void)serve.step("held", "read");
        check(!held.ended(1000), "the held reader does not wait");
        held.kill(SIGKILL);
        check(held.ended(patience_ms).has_value(), "the held reader can't be killed");
    }
    check(!reading.ended(3000), "the reader does not wait for the disk");
    check(kill(serve.pid(), 0) == 0 && kill(serve.guard(), 0) == 0, "somebody was ended");
    frozen.reset();
    check(reading.code("the reader") == 0, "wrong bytes");
    check(read_large(256 << 10, 1 << 20).code("a later reader") == 0, "wrong bytes later");
    unmount(mount_point);
    check(serve.stop() == 0, "serve ended with an error");
    return "one reader waited for its disk, right bytes; six were held and failed meanwhile";
}

std::string daemon_stopped() {
    Serve serve("/cache/silent");
    mount_plain(mount_point);
    serve.rule("hold all");
    Child reading = read_large(0);
    (void)serve.step("held", "read");
    serve.suspend(); // the guard ends it
    const int code = reading.code("the reader");
    check(code == EIO || code == ENOBUFS, "the reader got " + seen(code));
    return "a daemon that was stopped is ended by its guard: the reader got " + seen(code);
}

} // namespace

std::vector<Test> failure_tests() {
    return {{"open_failed", open_failed},
            {"open_held", open_held},
            {"open_with_wrong_size", open_with_wrong_size},
            {"read_failed", read_failed},
            {"read_held_and_late", read_held_and_late},
            {"read_answered_partly", read_answered_partly},
            {"reader_killed", reader_killed},
            {"low_space", low_space},
            {"disk_stalls", disk_stalls},
            {"daemon_stopped", daemon_stopped}};
}

} // namespace coldscope::guest
