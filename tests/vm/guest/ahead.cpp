// What is fetched though nobody asked for it, while readers work.
#include "core/request/step.h"
#include "tests/vm/guest/guest.h"

#include <fstream>

#include <fmt/format.h>

namespace coldscope::guest {

namespace {

constexpr auto mount_point = "/mnt/ahead";

bool is_notice(const nlohmann::json& event, Notice what) {
    return event["event"] == "notice" && event["number"] == static_cast<int>(what);
}

// Asked + amplified + prefetched = fetched, and nothing comes twice.
std::string prefetched_behind_readers() {
    const auto list = "/tmp/ahead";
    std::ofstream(list) << "object=chunks.blob # once it is opened\n";
    Serve serve("/cache/ahead", {"--latency", "1ms", "--prefetch", list, "--amplify", "16K"});
    check(mount_fsid("chunks", mount_point, "device=chunks.blob").code("the mount") == 0,
          "no mount");
    std::vector<Child> reading;
    const auto files = originals(20'000);
    for (std::size_t i = 0; i < 40; ++i)
        reading.push_back(read_range(mount_point, files[i * 3 % files.size()], 0, 20'000));
    for (Child& one : reading)
        check(one.code("a reader") == 0, "a reader got wrong bytes or an error");
    const int right = right_files(mount_point);
    const auto done = [](const nlohmann::json& event) {
        return is_notice(event, Notice::prefetch_done);
    };
    check(serve.wait_for(done, 60'000).has_value(), "the list was not fetched");
    serve.command("prefetch all");
    check(serve.wait_for(done).has_value(), "the rest was not fetched");
    unmount(mount_point);
    check(serve.stop() == 0, "serve ended with an error");
    const auto summary =
        serve.wait_for([](const nlohmann::json& event) { return event["event"] == "summary"; });
    check(summary.has_value(), "no summary");
    const auto bytes = [&](const char* what) {
        return (*summary)[fmt::format("bytes_{}", what)].get<std::uint64_t>();
    };
    const std::string said =
        fmt::format("{} missed + {} amplified + {} prefetched, {} fetched", bytes("missed"),
                    bytes("amplified"), bytes("prefetched"), bytes("fetched"));
    check(bytes("missed") + bytes("amplified") + bytes("prefetched") == bytes("fetched"), said);
    check(bytes("missed") > 0 && bytes("amplified") > 0 && bytes("prefetched") > 0, said);
    const std::string objects = std::string(data) + "/objects/";
    check(bytes("fetched") == size_of(objects + "chunks") + size_of(objects + "chunks.blob"), said);
    check((*summary)["failed"] == 0, "requests failed");
    return fmt::format("{} files right; {}", right, said);
}

} // namespace

std::vector<Test> ahead_tests() {
    return {{"prefetched_behind_readers", prefetched_behind_readers}};
}

} // namespace coldscope::guest
