// Whole mounts: every layout, several at once, a shared domain, a cache that was kept.
#include "tests/vm/guest/guest.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <sys/utsname.h>

namespace coldscope::guest {

namespace {

struct Layout {
    std::string name;
    std::string options;
};

// By the names of the objects that the host has made.
const std::vector<Layout>& layouts() {
    static const std::vector<Layout> all{
        {"inline", ""},
        {"plain", ""},
        {"chunks", "device=chunks.blob"},
        {"two", "device=two.first,device=two.second"},
        {"tagged", ""}, // its device table names chunks.blob
        {"lz4", ""},
    };
    return all;
}

bool is_older_than(int major, int minor) {
    utsname info{};
    uname(&info);
    int has_major = 0, has_minor = 0;
    std::sscanf(info.release, "%d.%d", &has_major, &has_minor);
    return has_major < major || (has_major == major && has_minor < minor);
}

std::string all_right(const Layout& layout) {
    Serve serve("/cache/layout-" + layout.name);
    Child mounting = mount_fsid(layout.name, "/mnt/layout", layout.options);
    const int code = mounting.code("the mount");
    // Compressed files over fscache came with Linux 6.9.
    if (layout.name == "lz4" && is_older_than(6, 9)) {
        check(code == 0, "the mount failed: " + std::string(strerror(code)));
        Child reading = read_range("/mnt/layout", originals().front(), 0, 4096);
        const int error = reading.code("the reader");
        check(error == EOPNOTSUPP, fmt::format("a compressed file gave {}", strerror(error)));
        unmount("/mnt/layout");
        return "this kernel reads no compressed files over fscache: EOPNOTSUPP";
    }
    check(code == 0, "the mount failed: " + std::string(strerror(code)));
    const int right = right_files("/mnt/layout");
    check(right >= 500, fmt::format("only {} files", right));
    const int reads = serve.settle_answered("read");
    check(reads > 0, "nothing was asked");
    unmount("/mnt/layout");
    serve.settle_at(serve.settle_answered("open"), "answered", "close");
    check(serve.stop() == 0, "serve ended with an error");
    return fmt::format("{} files right, {} objects, {} reads", right,
                       static_cast<int>(serve.count("answered", "open")), reads);
}

std::string several_at_once() {
    Serve serve("/cache/several", {"--latency", "1ms"});
    std::vector<Child> mounting;
    int mounts = 0;
    for (const Layout& layout : layouts()) {
        if (layout.name != "lz4")
            mounting.push_back(
                mount_fsid(layout.name, "/mnt/several-" + layout.name, layout.options));
    }
    for (Child& one : mounting)
        mounts += one.code("a mount") == 0 ? 1 : 0;
    check(mounts == 5, fmt::format("{} of 5 mounts", mounts));
    // Readers in all of them at the same time.
    std::vector<Child> reading;
    const auto files = originals(5000);
    for (const Layout& layout : layouts()) {
        for (std::size_t i = 0; i < 40 && layout.name != "lz4"; ++i)
            reading.push_back(
                read_range("/mnt/several-" + layout.name, files[i * 7 % files.size()], 0, 5000));
    }
    for (Child& one : reading)
        check(one.code("a reader") == 0, "a reader got wrong bytes or an error");
    unmount_all();
    return fmt::format("5 mounts, {} readers right", reading.size());
}

// The shared blob is one object, opened once; what both ask for at once is fetched once.
std::string shared_domain() {
    Serve serve("/cache/domain", {"--latency", "10ms"});
    const std::string options = "domain_id=shared,device=chunks.blob";
    check(mount_fsid("chunks", "/mnt/first", options).code("the first mount") == 0, "no mount");
    check(mount_fsid("chunks.again", "/mnt/second", options).code("the second mount") == 0,
          "no second mount");
    serve.settle_at(3, "answered", "open");
    int joined = 0;
    const auto files = originals(20'000);
    for (std::size_t i = 0; i < 20; ++i) {
        Child one = read_range("/mnt/first", files[i], 0, 20'000);
        Child other = read_range("/mnt/second", files[i], 0, 20'000);
        check(one.code("a reader") == 0 && other.code("the other reader") == 0, "wrong bytes");
    }
    const auto saw_joined = [&](const nlohmann::json& event) {
        joined += event["event"] == "answered" && event.value("joined", false) ? 1 : 0;
        return false;
    };
    (void)serve.wait_for(saw_joined, 500);
    check(joined > 0, "no range was asked for twice at once");
    const int right = right_files("/mnt/second");
    unmount("/mnt/first");
    serve.settle_at(1, "answered", "close"); // and the shared blob stays
    unmount("/mnt/second");
    return fmt::format("{} files right, 3 objects, {} reads joined a fetch", right, joined);
}

// Both another daemon and another mount: what is local is not asked for again.
std::string remount_with_kept_cache() {
    const std::string cache = "/cache/kept";
    const Layout layout{"chunks", "device=chunks.blob"};
    {
        Serve serve(cache);
        check(mount_fsid(layout.name, "/mnt/kept", layout.options).code("the mount") == 0,
              "no mount");
        (void)right_files("/mnt/kept");
        unmount("/mnt/kept");
        check(serve.stop() == 0, "serve ended with an error");
    }
    drop_caches();
    Serve serve(cache);
    check(mount_fsid(layout.name, "/mnt/kept", layout.options).code("the mount") == 0, "no mount");
    const int right = right_files("/mnt/kept");
    serve.settle_at(2, "arrived", "open");
    check(serve.count("arrived", "read") == 0,
          fmt::format("{} reads were asked", serve.count("arrived", "read")));
    unmount("/mnt/kept");
    return fmt::format("{} files right, no read asked", right);
}

std::string changed_source() {
    const std::string cache = "/cache/changed";
    { // What another source was used for is not mixed with this one's bytes.
        Serve serve(cache);
        check(mount_fsid("plain", "/mnt/changed").code("the mount") == 0, "no mount");
        unmount("/mnt/changed");
        check(serve.stop() == 0, "serve ended with an error");
    }
    const std::string notes = cache + "/coldscope.sources";
    std::ifstream before(notes);
    std::string name, identity;
    before >> name >> identity;
    check(identity.starts_with("file:"), "no note of the source");
    std::ofstream(notes, std::ios::app) << "\n" << name << " file:another .\n";
    Serve serve(cache);
    const int code = mount_fsid("plain", "/mnt/changed").code("the mount");
    check(code != 0, "it was mounted");
    const auto failed = serve.step("answered", "open");
    check(failed["error"] == "ESTALE", "the open was answered with " + failed.dump());
    return "the mount failed with " + std::string(strerror(code));
}

} // namespace

std::vector<Test> layout_tests() {
    std::vector<Test> tests;
    for (const Layout& layout : layouts())
        tests.push_back({"layout_" + layout.name, [layout] { return all_right(layout); }});
    tests.push_back({"several_mounts_at_once", several_at_once});
    tests.push_back({"shared_domain", shared_domain});
    tests.push_back({"remount_with_kept_cache", remount_with_kept_cache});
    tests.push_back({"changed_source", changed_source});
    return tests;
}

} // namespace coldscope::guest
