// Who asks, and when, by the kernel's tracepoints: each request has its own reader's thread and
// name, or none.
#include "tests/vm/guest/guest.h"

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace coldscope::guest {

namespace {

constexpr auto mount_point = "/mnt/traces";

// Within 2 s: longer than that the guard lets no daemon be stopped.
bool waits_for_answer(pid_t process) {
    for (int i = 0; i < 200; ++i) {
        std::ifstream stack(fmt::format("/proc/{}/stack", process));
        const std::string text{std::istreambuf_iterator<char>(stack), {}};
        if (text.find("cachefiles_ondemand") != std::string::npos)
            return true;
        usleep(10'000);
    }
    return false;
}

using Events = std::map<std::string, nlohmann::json>;

// These of a request, in whatever order.
Events events_of(Serve& serve, const nlohmann::json& request, const std::set<std::string>& wanted) {
    Events found;
    (void)serve.wait_for([&](const nlohmann::json& one) {
        const std::string event = one["event"];
        if (wanted.contains(event) && one.value("request", nlohmann::json()) == request)
            found.emplace(event, one);
        return found.size() == wanted.size();
    });
    for (const std::string& event : wanted)
        check(found.contains(event), fmt::format("no {} of request {}", event, request.dump()));
    return found;
}

// Eight readers wait at once. When the requests that have one's number are let go, that one goes
// on, and no other.
std::string readers_each_named() {
    constexpr std::size_t count = 8;
    Serve serve("/cache/named");
    mount_plain(mount_point);
    serve.rule("hold all");
    std::vector<Child> reading;
    std::map<pid_t, std::string> names;
    const auto files = originals(16'000);
    for (std::size_t i = 0; i < count; ++i) {
        const std::string name = fmt::format("reads file {}", i);
        reading.push_back(read_range(mount_point, files[i * 3], 0, 16'000, name));
        names[reading.back().pid()] = name;
    }
    std::map<pid_t, nlohmann::json> waiting; // the request of each
    const auto hold_one = [&] {
        const auto held = serve.step("held", "read");
        const pid_t pid = held["pid"].get<pid_t>();
        check(names.contains(pid), "a request of nobody here: " + held.dump());
        check(held["command"] == names[pid], "another's name: " + held.dump());
        check(waiting.emplace(pid, held["request"]).second, "one reader waits twice");
        return pid;
    };
    while (waiting.size() < count)
        (void)hold_one();
    int requests = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const pid_t pid = reading[i].pid();
        while (!reading[i].ended(0)) {
            ++requests;
            serve.command("release " + waiting[pid].dump());
            waiting.erase(pid);
            while (!waiting.contains(pid) && !reading[i].ended(20)) {
                const auto held = serve.wait_for(
                    [](const nlohmann::json& one) { return one["event"] == "held"; }, 20);
                check(!held || (*held)["pid"] == pid, "another's request went on");
                if (held)
                    waiting[pid] = (*held)["request"];
            }
        }
        check(reading[i].code("a reader") == 0, "wrong bytes");
        for (std::size_t other = i + 1; other < count; ++other)
            check(!reading[other].ended(0), "another reader went on");
    }
    unmount(mount_point);
    check(serve.stop() == 0, "serve ended with an error");
    return fmt::format("8 readers at once, {} requests, each of its own thread and name", requests);
}

std::string thread_of_a_process_named() {
    Serve serve("/cache/thread");
    mount_plain(mount_point);
    serve.rule("hold next");
    const std::string file = originals(1 << 20).front();
    Child reading([&] {
        int code = 0;
        std::thread([&] {
            prctl(PR_SET_NAME, "a thread");
            code = read_and_compare(mount_point, file, 0, 4096);
        }).join();
        return code;
    });
    // Who it is comes before its first request, and when the kernel asked before each.
    const auto who = serve.wait_for([&](const nlohmann::json& one) {
        return one["event"] == "reader" && one["process"] == reading.pid();
    });
    check(who.has_value() && (*who)["pid"] != reading.pid(), "not the thread of that process");
    const auto asked =
        serve.wait_for([](const nlohmann::json& one) { return one["event"] == "asked"; });
    check(asked.has_value(), "the kernel does not say when it asked");
    const nlohmann::json request = (*asked)["request"];
    const nlohmann::json arrived = events_of(serve, request, {"arrived", "held"}).at("arrived");
    check(arrived["pid"] == (*who)["pid"] && arrived["command"] == "a thread", arrived.dump());
    serve.command("release " + request.dump());
    const Events later = events_of(serve, request, {"filling", "answered", "resumed"});
    const auto time = [](const nlohmann::json& event) {
        return event["time"].get<std::uint64_t>();
    };
    const std::uint64_t filling = time(later.at("filling"));
    const std::uint64_t resumed = time(later.at("resumed"));
    // The kernel's clock, which it reads without a lock, may be a little off.
    check(time(*asked) <= time(arrived) + 1'000'000, "asked after it was read");
    check(time(*asked) >= time(arrived) - 10'000'000'000, "another clock");
    check(resumed + 1'000'000 >= filling, "went on before the bytes came");
    check(reading.code("the reader") == 0, "wrong bytes");
    unmount(mount_point);
    return fmt::format("its process, its thread and the thread's name; asked {} us before it was "
                       "read, went on {} us after the bytes came",
                       (time(arrived) - time(*asked)) / 1000, (resumed - filling) / 1000);
}

// Two threads ask for one range before either question is read: nobody can tell which is whose.
std::string readers_of_one_range_at_once() {
    Serve serve("/cache/one-range");
    const std::string options = "domain_id=shared,device=chunks.blob";
    check(mount_fsid("chunks", "/mnt/traces-1", options).code("the first mount") == 0, "no mount");
    check(mount_fsid("chunks.again", "/mnt/traces-2", options).code("the second mount") == 0,
          "no second mount");
    const std::string file = originals(1 << 20).front();
    for (const char* mount : {"/mnt/traces-1/", "/mnt/traces-2/"})
        (void)size_of(mount + file);
    serve.settle();
    serve.rule("hold all");
    serve.suspend();
    Child one = read_range("/mnt/traces-1", file, 0, 4096, "one");
    Child other = read_range("/mnt/traces-2", file, 0, 4096, "other");
    check(waits_for_answer(one.pid()) && waits_for_answer(other.pid()), "they do not wait");
    kill(serve.pid(), SIGCONT);
    for (int i = 0; i < 2; ++i) {
        const auto held = serve.step("held", "read");
        check(held["pid"] == 0, "a guess is told: " + held.dump());
    }
    serve.command("release all");
    check(one.code("a reader") == 0 && other.code("the other") == 0, "wrong bytes");
    // One after the other they are known.
    serve.rule("hold all");
    Child first = read_range("/mnt/traces-1", file, 512 << 10, 4096, "first");
    const auto held = serve.step("held", "read");
    Child second = read_range("/mnt/traces-2", file, 512 << 10, 4096, "second");
    const auto later = serve.step("held", "read");
    check(held["offset"] == later["offset"] && held["length"] == later["length"],
          "not one range: " + held.dump() + later.dump());
    check(held["pid"] == first.pid() && held["command"] == "first", held.dump());
    check(later["pid"] == second.pid() && later["command"] == "second", later.dump());
    serve.command("release all");
    check(first.code("a reader") == 0 && second.code("the other") == 0, "wrong bytes");
    unmount_all();
    return "both unknown when they asked at once, both known one after the other";
}

// What was asked before the new daemon came was traced by nobody.
std::string readers_after_a_restart() {
    Serve serve("/cache/traces-restart", {"--grace", "20s"});
    mount_plain(mount_point);
    serve.rule("hold all");
    const auto files = originals(1 << 20);
    Child before = read_range(mount_point, files[0], 0, 4096, "before");
    check(serve.step("held", "read")["pid"] == before.pid(), "not known at first");
    serve.kill();
    serve.start();
    check(serve.step("arrived", "read")["pid"] == 0, "a guess is told");
    check(before.code("the reader") == 0, "wrong bytes");
    serve.settle();
    serve.rule("hold all");
    Child after = read_range(mount_point, files[0], 1 << 19, 4096, "after");
    const auto held = serve.step("held", "read");
    check(held["pid"] == after.pid() && held["command"] == "after", held.dump());
    serve.command("release all");
    check(after.code("the later reader") == 0, "wrong bytes");
    unmount(mount_point);
    return "unknown what was asked before, known what was asked after";
}

} // namespace

std::vector<Test> trace_tests() {
    return {{"readers_each_named", readers_each_named},
            {"thread_of_a_process_named", thread_of_a_process_named},
            {"readers_of_one_range_at_once", readers_of_one_range_at_once},
            {"readers_after_a_restart", readers_after_a_restart}};
}

} // namespace coldscope::guest
