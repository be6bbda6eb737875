// coldscoped dies, its guard lives: what was in flight is served by the next one, or fails.
#include "tests/vm/guest/guest.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace coldscope::guest {

namespace {

constexpr auto mount_point = "/mnt/deaths";

std::string killed_with_reads_in_flight() {
    Serve serve("/cache/reads-in-flight", {"--grace", "20s"});
    mount_plain(mount_point);
    serve.rule("hold all");
    std::vector<Child> reading;
    std::string names;
    const auto files = originals(16'000);
    for (std::size_t i = 0; i < 8; ++i) {
        reading.push_back(read_range(mount_point, files[i * 3], 0, 16'000));
        names += (i == 0 ? "" : ", ") + files[i * 3];
    }
    for (std::size_t i = 0; i < reading.size(); ++i)
        (void)serve.step("held", "read");
    serve.kill();
    usleep(300'000);
    for (Child& one : reading)
        check(!one.ended(0) && waits_in_kernel(one.pid()), "a reader did not wait for the next");
    serve.start();
    for (Child& one : reading) {
        const int code = one.code("a reader");
        check(code == 0, fmt::format("a reader got {}", code));
    }
    const int right = right_files(mount_point);
    serve.settle_at(1, "arrived", "open"); // again, for the new daemon
    unmount(mount_point);
    check(serve.stop() == 0, "serve ended with an error");
    return fmt::format("8 readers right after a restart: {}; then {} files right", names, right);
}

std::string killed_with_an_open_in_flight() {
    Serve serve("/cache/open-in-flight", {"--grace", "20s"});
    serve.rule("hold op=open");
    Child mounting = mount_fsid("plain", mount_point);
    (void)serve.step("held", "open", "plain");
    serve.kill();
    usleep(300'000);
    check(!mounting.ended(0), "the mount did not wait for the next");
    serve.start();
    const int code = mounting.code("the mount");
    check(code == 0, fmt::format("the mount got {}", strerror(code)));
    const int right = right_files(mount_point);
    unmount(mount_point);
    check(serve.stop() == 0, "serve ended with an error");
    return fmt::format("the mount of plain stands after a restart, {} files right", right);
}

// Both kinds, and several times: each new daemon is asked what the one before has left.
std::string killed_again_and_again() {
    Serve serve("/cache/again", {"--grace", "20s", "--latency", "5ms"});
    mount_plain(mount_point);
    const auto files = originals();
    std::vector<Child> reading;
    for (std::size_t i = 0; i < files.size(); i += 8)
        reading.push_back(read_range(mount_point, files[i], 0, 1 << 20));
    Child mounting = mount_fsid("chunks", "/mnt/deaths-2", "device=chunks.blob");
    for (int i = 0; i < 4; ++i) {
        usleep(static_cast<unsigned>(150'000 + i * 70'000));
        serve.kill();
        serve.start();
    }
    for (Child& one : reading)
        check(one.code("a reader", 60'000) == 0, "a reader got wrong bytes or an error");
    check(mounting.code("the mount") == 0, "the mount failed");
    const int right = right_files("/mnt/deaths-2");
    unmount_all();
    return fmt::format("{} readers right over 4 deaths, {} files of the second mount",
                       reading.size(), right);
}

// The next one does not have the object: whoever waits for it gets an error.
std::string restarted_without_the_source() {
    Serve serve("/cache/without", {"--grace", "20s"});
    mount_plain(mount_point);
    serve.rule("hold all");
    Child reading = read_range(mount_point, originals(1 << 20).front(), 0, 4096);
    (void)serve.step("held", "read");
    serve.kill();
    serve.serve_from(make_folder("/cache/empty"));
    serve.start();
    const auto code = reading.ended(10'000);
    serve.settle();
    const int asked = serve.count("arrived", "open");
    check(code.has_value(), fmt::format("the reader hangs; {} opens were asked", asked));
    check(*code == EIO || *code == ENOBUFS, fmt::format("the reader got {}", *code));
    return fmt::format("the reader got {} after {} opens", strerrorname_np(*code), asked);
}

// Nobody comes: whoever waits gets an error, soon; what is cached can still be read.
std::string killed_and_nobody_takes_over() {
    Serve serve("/cache/nobody", {"--grace", "1s"});
    mount_plain(mount_point);
    const std::string file = originals(16'000).back();
    check(read_range(mount_point, file, 0, 4096).code("the reader") == 0, "wrong bytes");
    serve.rule("hold all");
    Child reading = read_range(mount_point, originals(1 << 20).front(), 0, 4096);
    (void)serve.step("held", "read");
    serve.kill();
    const int code = reading.code("the reader");
    check(code == EIO || code == ENOBUFS, fmt::format("the reader got {}", strerror(code)));
    check(read_range(mount_point, file, 0, 4096).code("a reader of pages") == 0,
          "what is in memory can't be read");
    Child cold = read_range(mount_point, originals(1 << 20).front(), 1 << 20, 4096);
    const int later = cold.code("a later reader");
    check(later == EIO || later == ENOBUFS, fmt::format("a later one got {}", strerror(later)));
    unmount(mount_point);
    // Another daemon serves new mounts of the same cache.
    serve.start();
    mount_plain(mount_point);
    const int right = right_files(mount_point);
    return fmt::format("in flight: {}, later: {}, cached pages right; a new daemon and mount: {} "
                       "files right",
                       strerrorname_np(code), strerrorname_np(later), right);
}

std::string killed_with_its_guard() {
    Serve serve("/cache/both");
    mount_plain(mount_point);
    serve.rule("hold all");
    Child reading = read_range(mount_point, originals(1 << 20).front(), 0, 4096);
    (void)serve.step("held", "read");
    kill(serve.guard(), SIGKILL);
    serve.kill();
    const int code = reading.code("the reader");
    check(code == EIO || code == ENOBUFS, fmt::format("the reader got {}", strerror(code)));
    return std::string("the kernel fails closed: the reader got ") + strerrorname_np(code);
}

// The next guard has the device from its client.
std::string guard_killed() {
    Serve serve("/cache/guard-killed", {"--grace", "20s"});
    mount_plain(mount_point);
    kill(serve.guard(), SIGKILL);
    const auto back = serve.wait_for([](const nlohmann::json& event) {
        return event["event"] == "notice" &&
               event["text"].get<std::string>().starts_with("guarded again");
    });
    check(back.has_value(), "no other guard");
    serve.rule("hold next");
    const std::string file = originals(1 << 20).front();
    Child reading = read_range(mount_point, file, 0, 4096);
    (void)serve.step("held", "read");
    serve.kill();
    usleep(200'000);
    check(!reading.ended(0), "the reader did not wait for the next");
    serve.start();
    check(reading.code("the reader") == 0, "wrong bytes");
    return "the second guard kept the device: " + file + " right after a restart";
}

} // namespace

std::vector<Test> death_tests() {
    return {{"killed_with_reads_in_flight", killed_with_reads_in_flight},
            {"killed_with_an_open_in_flight", killed_with_an_open_in_flight},
            {"killed_again_and_again", killed_again_and_again},
            {"restarted_without_the_source", restarted_without_the_source},
            {"killed_and_nobody_takes_over", killed_and_nobody_takes_over},
            {"killed_with_its_guard", killed_with_its_guard},
            {"guard_killed", guard_killed}};
}

} // namespace coldscope::guest
