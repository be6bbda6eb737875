// Many objects, many readers: nothing is lost, nothing wrong, and memory stays bounded.
#include "tests/vm/guest/guest.h"

#include <filesystem>
#include <fstream>
#include <random>

#include <fmt/format.h>

namespace coldscope::guest {

namespace {

constexpr int objects = 2000;
constexpr int readers = 500;
constexpr int reads_each = 20;
const std::string small = "usr/bin/small/"; // the files of the image of that name

// KiB.
long memory(pid_t process, const std::string& field) {
    std::ifstream status(fmt::format("/proc/{}/status", process));
    for (std::string word; status >> word;) {
        if (long amount = 0; word == field + ':' && status >> amount)
            return amount;
    }
    return 0;
}

std::string many_objects_and_readers() {
    namespace fs = std::filesystem;
    const std::string from = make_folder("/cache/load-objects");
    fs::copy_file(std::string(data) + "/objects/small", from + "/small");
    for (int i = 0; i < objects; ++i)
        fs::create_hard_link(from + "/small", fmt::format("{}/small-{}", from, i));
    Serve serve("/cache/load", {"--latency", "50ms"}, from);
    const long at_start = memory(serve.pid(), "VmRSS");
    std::vector<Child> mounting;
    for (int i = 0; i < objects; ++i) {
        mounting.push_back(mount_fsid(fmt::format("small-{}", i), fmt::format("/mnt/load-{}", i),
                                      "domain_id=load"));
        if (mounting.size() < 100 && i + 1 < objects)
            continue;
        for (Child& one : mounting)
            check(one.code("a mount", 120'000) == 0, "a mount failed");
        mounting.clear();
        serve.settle(1);
    }
    serve.settle_at(objects, "answered", "open");
    const long opened = memory(serve.pid(), "VmRSS");
    serve.forget();
    std::vector<std::string> files;
    for (const std::string& name : originals()) {
        if (name.starts_with(small))
            files.push_back(name.substr(small.size()));
    }
    check(files.size() >= 8, "no files in the small image");
    std::vector<Child> reading;
    for (int reader = 0; reader < readers; ++reader) {
        reading.push_back(Child([&, reader] {
            std::minstd_rand random(static_cast<unsigned>(reader) + 1);
            for (int i = 0; i < reads_each; ++i) {
                const std::string mount = fmt::format("/mnt/load-{}", random() % objects);
                const std::string& name = files[random() % files.size()];
                std::ifstream got(mount + '/' + name, std::ios::binary);
                std::ifstream right(std::string(data) + "/tree/" + small + name, std::ios::binary);
                const std::string bytes{std::istreambuf_iterator<char>(got), {}};
                const std::string wanted{std::istreambuf_iterator<char>(right), {}};
                if (bytes != wanted || bytes.empty())
                    return wrong_bytes;
            }
            return 0;
        }));
    }
    int most = 0;
    for (Child& one : reading) {
        while (!one.ended(20)) {
            serve.settle(1);
            most = std::max(most, serve.count("arrived", "read") - serve.count("answered", "read"));
        }
        check(one.code("a reader") == 0, "a reader got wrong bytes or an error");
    }
    const int answered = serve.settle_answered("read");
    check(serve.count("lost", "read") == 0, "reads were lost");
    const long after = memory(serve.pid(), "VmHWM");
    // What an object and a request cost; the queue of events alone may hold 16 MiB.
    check(after < 192L * 1024, fmt::format("{} KiB of memory", after));
    return fmt::format(
        "{} objects, {} reads by {} readers right; {} reads asked, up to {} at once; "
        "memory {} KiB at the start, {} with all objects open, at most {}",
        objects, readers * reads_each, readers, answered, most, at_start, opened, after);
}

} // namespace

std::vector<Test> load_tests() {
    return {{"many_objects_and_readers", many_objects_and_readers}};
}

} // namespace coldscope::guest
