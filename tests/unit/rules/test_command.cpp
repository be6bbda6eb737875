#include "core/rules/command.h"
#include "core/rules/prefetch_list.h"

#include <QTest>
#include <cerrno>
#include <functional>

using namespace coldscope;

namespace {

constexpr std::uint64_t end_of_line = ~std::uint64_t{0} - 1;

struct Good {
    const char* line;
    // What differs from a Command that has only its verb and text.
    Verb verb;
    std::function<void(Command&)> set = [](Command&) {};
};

const Good good[] = {
    {"hold next", Verb::hold, [](Command& c) { c.count = 1; }},
    {"hold next 3", Verb::hold, [](Command& c) { c.count = 3; }},
    {"  hold\tnext 3\r", Verb::hold, [](Command& c) { c.count = 3; }},
    {"hold all", Verb::hold, [](Command& c) { c.all = true; }},
    {"hold file=/bin/sh", Verb::hold, [](Command& c) { c.file = "/bin/sh"; }},
    {"hold file=\"/a b\"", Verb::hold, [](Command& c) { c.file = "/a b"; }},
    {"hold \"file=/a b\"", Verb::hold, [](Command& c) { c.file = "/a b"; }},
    {"hold file=/a=b", Verb::hold, [](Command& c) { c.file = "/a=b"; }},
    {"hold next 2 file=/a pid=7 command=cat", Verb::hold,
     [](Command& c) {
         c.count = 2;
         c.file = "/a";
         c.pid = 7;
         c.command = "cat";
     }},
    {"hold pid=0", Verb::hold, [](Command& c) { c.pid = 0; }},
    {"hold object=bootstrap range=4096+4096", Verb::hold,
     [](Command& c) {
         c.object = "bootstrap";
         c.range = Range{4096, 8192};
     }},
    {"hold range=1M+64KiB next", Verb::hold,
     [](Command& c) {
         c.count = 1;
         c.range = Range{1 << 20, (1 << 20) + (64 << 10)};
     }},
    {"hold range=18446744073709551614+1", Verb::hold,
     [](Command& c) {
         c.range = Range{~std::uint64_t{0} - 1, ~std::uint64_t{0}};
     }},
    {"prefetch all", Verb::prefetch, [](Command& c) { c.all = true; }},
    {"prefetch all 10M/s", Verb::prefetch,
     [](Command& c) {
         c.all = true;
         c.bytes = 10 << 20;
     }},
    {"prefetch 4096 file=/a", Verb::prefetch,
     [](Command& c) {
         c.file = "/a";
         c.bytes = 4096;
     }},
    {"prefetch object=1 range=0+4K 1G", Verb::prefetch,
     [](Command& c) {
         c.object = "1";
         c.range = Range{0, 4096};
         c.bytes = 1 << 30;
     }},
    {"prefetch stop", Verb::prefetch, [](Command& c) { c.end = true; }},
    {"amplify 128K", Verb::amplify, [](Command& c) { c.bytes = 128 << 10; }},
    {"amplify 0", Verb::amplify},
    {"release 12", Verb::release, [](Command& c) { c.id = 12; }},
    {"release all", Verb::release, [](Command& c) { c.all = true; }},
    {"delay 12 500ms", Verb::delay,
     [](Command& c) {
         c.id = 12;
         c.delay = 500 * millisecond;
     }},
    {"delay 2s", Verb::delay, [](Command& c) { c.delay = 2 * second; }},
    {"delay 5us next 4 file=/a", Verb::delay,
     [](Command& c) {
         c.delay = 5 * microsecond;
         c.count = 4;
         c.file = "/a";
     }},
    {"delay next 4 5us", Verb::delay,
     [](Command& c) {
         c.delay = 5 * microsecond;
         c.count = 4;
     }},
    {"fail 12", Verb::fail,
     [](Command& c) {
         c.id = 12;
         c.error = EIO;
     }},
    {"hold op=open object=layer", Verb::hold,
     [](Command& c) {
         c.op = Op::open;
         c.object = "layer";
     }},
    {"fail 12 partial", Verb::fail,
     [](Command& c) {
         c.id = 12;
         c.error = EIO;
         c.partial = true;
     }},
    {"fail partial next op=read", Verb::fail,
     [](Command& c) {
         c.error = EIO;
         c.partial = true;
         c.count = 1;
         c.op = Op::read;
     }},
    {"fail 12 ENOSPC", Verb::fail,
     [](Command& c) {
         c.id = 12;
         c.error = ENOSPC;
     }},
    {"fail 12 13", Verb::fail,
     [](Command& c) {
         c.id = 12;
         c.error = 13;
     }},
    {"fail ETIMEDOUT next", Verb::fail,
     [](Command& c) {
         c.error = ETIMEDOUT;
         c.count = 1;
     }},
    {"fail next 2 5", Verb::fail,
     [](Command& c) {
         c.count = 2;
         c.error = 5;
     }},
    {"fail next 511", Verb::fail,
     [](Command& c) {
         c.count = 511;
         c.error = EIO;
     }},
    {"fail all 511", Verb::fail,
     [](Command& c) {
         c.all = true;
         c.error = 511;
     }},
    {"rules", Verb::rules},
    {"clear", Verb::clear},
    {"clear 3", Verb::clear, [](Command& c) { c.id = 3; }},
    {"stop", Verb::stop},
};

struct Bad {
    const char* line;
    std::uint64_t offset;
};

const Bad bad[] = {
    {"", 0},
    {" \t ", 0},
    {"holt", 0},
    {"  Hold all", 2},
    {"\"\"", 0},
    {"hold", end_of_line},
    {"hold 5", end_of_line}, // too late
    {"hold next 0", end_of_line},
    {"hold next -1", 10},
    {"hold next 1.5", 10},
    {"hold next 2 3", 12},
    {"hold next next", 10},
    {"hold next all", end_of_line},
    {"hold file=/a 5", 13},
    {"hold file=", 5},
    {"hold =x", 5},
    {"hold path=/a", 5},
    {"hold File=/a", 5},
    {"hold file=/a file=/b", 13},
    {"hold pid=1 pid=2", 11},
    {"hold range=0+1 range=1+1", 15},
    {"hold pid=x", 5},
    {"hold pid=-1", 5},
    {"hold pid=4294967296", 5},
    {"hold range=4096", 5},
    {"hold range=+4096", 5},
    {"hold range=0+0", 5},
    {"hold range=18446744073709551615+1", 5},
    {"hold range=-1+5", 5},
    {"hold file=\"/a b", 5},
    {"hold all 5ms", 9},
    {"hold all EIO", 9},
    {"hold\nall", 0},
    {"release", end_of_line},
    {"release next", end_of_line},
    {"release file=/a", end_of_line},
    {"release all file=/a", end_of_line},
    {"release 5 all", end_of_line},
    {"release five", 8},
    {"release 18446744073709551616", 8},
    {"delay", end_of_line},
    {"delay 12", end_of_line},
    {"delay 12 0ms", end_of_line},
    {"delay 12 5", 9},
    {"delay 12 -5ms", 9},
    {"delay 12 5ms 6ms", 13},
    {"delay 12 5ms file=/a", end_of_line},
    {"fail", end_of_line},
    {"fail EIO", end_of_line},
    {"fail 12 EPERM partial", end_of_line},
    {"hold 12 partial", 8},
    {"hold op=close", 5},
    {"hold op=open op=read", 13},
    {"fail 12 EWHAT", 8},
    {"fail 12 eio", 8},
    {"fail 12 0", 8},
    {"fail 12 512", 8}, // the kernel would not take it, and the reader would wait for ever
    {"fail 12 EIO ENOSPC", 12},
    {"fail 12 file=/a", end_of_line},
    {"prefetch", end_of_line},
    {"prefetch 10M", end_of_line},
    {"prefetch all 0", 13},
    {"prefetch all 10M 20M", 17},
    {"prefetch all x", 13},
    {"prefetch all file=/a", end_of_line},
    {"prefetch all stop", end_of_line},
    {"prefetch stop stop", 14},
    {"prefetch stop 10M", end_of_line},
    {"prefetch next", end_of_line},
    {"prefetch file=/a pid=5", end_of_line},
    {"prefetch command=cat", end_of_line},
    {"prefetch file=/a object=1", end_of_line},
    {"prefetch range=0+4096", end_of_line},
    {"amplify", end_of_line},
    {"amplify all", 8},
    {"amplify 1M 2M", 11},
    {"amplify 5000", 8},
    {"amplify 2K", 8},
    {"amplify 32M", 8},
    {"rules all", end_of_line},
    {"rules 5", end_of_line},
    {"stop 5", end_of_line},
    {"stop now", 5},
    {"clear file=/a", end_of_line}, // must not be taken for `clear`
    {"clear next", end_of_line},
    {"clear 1 2", 8},
};

bool same(const Command& a, const Command& b) {
    return a.verb == b.verb && a.id == b.id && a.all == b.all && a.count == b.count &&
           a.end == b.end && a.bytes == b.bytes && a.delay == b.delay && a.error == b.error &&
           a.file == b.file && a.object == b.object && a.range == b.range && a.pid == b.pid &&
           a.command == b.command && a.text == b.text && a.op == b.op && a.partial == b.partial;
}

} // namespace

class TestCommand : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void good_lines() {
        for (const Good& row : good) {
            Command wanted;
            wanted.verb = row.verb;
            wanted.text = row.line;
            row.set(wanted);
            const auto got = parse_command(row.line);
            QVERIFY2(got, got ? "" : describe(got.error(), row.line).c_str());
            QVERIFY2(same(*got, wanted), row.line);
        }
    }

    void bad_lines() {
        for (const Bad& row : bad) {
            const auto got = parse_command(row.line);
            QVERIFY2(!got, row.line);
            QCOMPARE(got.error().code, Code::invalid);
            const std::uint64_t offset =
                row.offset == end_of_line ? std::strlen(row.line) : row.offset;
            QVERIFY2(got.error().offset == offset, describe(got.error(), row.line).c_str());
            QVERIFY2(!got.error().context.empty(), row.line);
        }
    }

    void durations() {
        const std::pair<const char*, Nanoseconds> table[] = {
            {"5ms", 5 * millisecond},
            {"0.5s", 500 * millisecond},
            {"250us", 250 * microsecond},
            {"100ns", 100},
            {"0s", 0},
            {"1e3us", millisecond},
            {"0.4ns", 0},
            {"0.6ns", 1},
            {"1000000000s", 1'000'000'000 * second}};
        for (const auto& [text, value] : table)
            QCOMPARE(parse_duration(text).value(), value);
        for (const char* text : {"", "5", "ms", "5 ms", "-5ms", "5m", "5msx", "5mss", "x5ms", "inf",
                                 "infs", "nans", "1e400s", "1e10s", "0x5ms", "+5ms", "5MS"})
            QVERIFY2(!parse_duration(text), text);
    }

    void sizes() {
        const std::pair<const char*, std::uint64_t> table[] = {
            {"0", 0},
            {"4096", 4096},
            {"64K", 64 << 10},
            {"64KiB", 64 << 10},
            {"1.5M", 3 << 19},
            {"2G", std::uint64_t{2} << 30},
            {"2GiB", std::uint64_t{2} << 30},
            // More than a double holds exactly.
            {"9007199254740993", 9007199254740993},
            {"18446744073709551615", ~std::uint64_t{0}}};
        for (const auto& [text, value] : table)
            QCOMPARE(parse_size(text).value(), value);
        for (const char* text : {"", "K", "iB", "4iB", "4KB", "4k", "4 K", "1.5", "-1", "-1K", "+1",
                                 "18446744073709551616", "1e30", "9999999999G", "infG", "nanK",
                                 "0x10", "4Kx", "4KiBiB"})
            QVERIFY2(!parse_size(text), text);
    }

    void prefetch_lists() {
        const std::string text = "# all of it\n/a\n\n  \"/b c\" 4K 1M # why\nobject=bootstrap\n"
                                 "object=2 0 10";
        const auto list = parse_prefetch_list(text);
        QVERIFY(list);
        QCOMPARE(list->size(), std::size_t{4});
        for (const Command& one : *list)
            QCOMPARE(one.verb, Verb::prefetch);
        QCOMPARE((*list)[0].file, std::string("/a"));
        QVERIFY(!(*list)[0].range);
        QCOMPARE((*list)[1].file, std::string("/b c"));
        QCOMPARE((*list)[1].range, (Range{4096, 4096 + (1 << 20)}));
        QCOMPARE((*list)[2].object, std::string("bootstrap"));
        QCOMPARE((*list)[3].object, std::string("2"));
        QCOMPARE((*list)[3].range, (Range{0, 10}));
        QCOMPARE(parse_prefetch_list("").value().size(), std::size_t{0});
        const std::pair<const char*, std::uint64_t> wrong[] = {
            {"/a\n/b 1", 3},      {"/a 1 2 3", 0},
            {"/a x 2", 3},        {"/a 1 0", 5},
            {"/a\n  /b 1 y", 10}, {"object= 1 2", 0},
            {"/a\n\"/b", 3},      {"/a 5 18446744073709551615", 5}};
        for (const auto& [line, offset] : wrong) {
            const auto got = parse_prefetch_list(line);
            QVERIFY2(!got, line);
            QCOMPARE(got.error().code, Code::invalid);
            QCOMPARE(got.error().offset, offset);
        }
    }

    // Bytes that are no text, and lines that only just end, give an answer and no more.
    void any_bytes() {
        const std::string seed = "delay 12 5ms file=\"/a b\" range=1K+2M next 3";
        for (std::size_t at = 0; at < seed.size(); ++at) {
            static_cast<void>(parse_command(std::string_view(seed).substr(0, at)));
            for (int byte = 0; byte < 256; ++byte) {
                std::string line = seed;
                line[at] = static_cast<char>(byte);
                const auto got = parse_command(line);
                if (!got)
                    QVERIFY(got.error().offset <= line.size());
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestCommand)
#include "test_command.moc"
