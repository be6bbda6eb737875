// A message of each kind, for the tests of frames and links.
#pragma once

#include "daemon/control/frames.h"

#include <cerrno>
#include <cstring>

namespace coldscope::test {

inline StepRecord sample_record(RequestId request, Step step, std::uint64_t time) {
    StepRecord record;
    record.request = request;
    record.time = time;
    record.offset = 0x1122334455667788;
    record.length = 4096;
    record.object = 3;
    record.pid = 4711;
    record.result = step == Step::answered ? -1 : 0;
    record.step = step;
    record.flags = flag::by_hand | flag::refault;
    std::strcpy(record.command.data(), "reader");
    return record;
}

inline std::vector<attach::Message> sample_messages() {
    using namespace attach;
    Hello hello;
    hello.session = 7;
    hello.run = ~std::uint64_t{0};
    hello.now = 5 * second;
    hello.transport = "fuse-blob";
    hello.unguarded = true;
    hello.image = "/a b/image.erofs";
    hello.identity = "id";
    hello.image_size = 1 << 20;
    hello.mount = "/mnt";
    hello.devices = {{"/a b/image.erofs", "bootstrap"}, {"/x", "blob 1: x"}};
    const Error error{Code::invalid, EIO, 12, "no"};
    return {
        Attach{version, 42},
        Follow{1, 2},
        Beat{},
        Command{9, "hold next"},
        ReadFile{10, "/etc/passwd"},
        ReadImage{4096, largest_piece},
        hello,
        Refused{"because"},
        Local{1, {{0, 4096}, {8192, 8193}}},
        ObjectName{65536, "/etc/\xff"},
        Steps{12, {sample_record(1, Step::arrived, 10), sample_record(1, Step::answered, 20)}},
        Steps{0, {}},
        OpenSteps{true, 14, {sample_record(2, Step::held, 30)}},
        Lost{3, 4},
        Rules{true, false, {{1, Action::hold, "hold all"}, {2, Action::fail, ""}}},
        Done{9, 1, {}},
        Done{9, 0, error},
        ImageBytes{4096, {}, std::vector<std::byte>(100, std::byte{7})},
        ImageBytes{4096, error, {}},
        Bye{},
        Bye{error},
        Facts{{{5 * second, 4711, 4700, "/system.slice/a b"}, {6 * second, 4712, 0, ""}},
              {{7, 36, 8192, 4096}},
              {{7, KernelTime::Passed::asked, 5 * second},
               {7, KernelTime::Passed::resumed, 6 * second}},
              {{7, "blob 1, chunk 2: wrong digest"}, {8, ""}},
              {{7, "/a/usr/lib/x", "/a"}}},
        Facts{},
    };
}

} // namespace coldscope::test
