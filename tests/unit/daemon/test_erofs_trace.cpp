// Where the fields of a tracepoint stand, and samples as they lie in a perf ring.
#include "daemon/trace/erofs_trace.h"

#include <QTest>
#include <array>
#include <cstring>

#include <linux/perf_event.h>

using namespace coldscope;

namespace {

constexpr auto readahead = "name: erofs_readahead\nID: 2027\nformat:\n"
                           "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
                           "\tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;\n"
                           "\tfield:erofs_nid_t nid;\toffset:16;\tsize:8;\tsigned:0;\n"
                           "\tfield:unsigned long start;\toffset:24;\tsize:8;\tsigned:0;\n"
                           "\tfield:unsigned int nrpage;\toffset:32;\tsize:4;\tsigned:0;\n"
                           "\nprint fmt: \"dev = (%d,%d), nid = %llu\"\n";

template <typename T>
void put(std::vector<std::byte>& bytes, T value) {
    const auto* at = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), at, at + sizeof value);
}

std::vector<std::byte> sample(std::uint32_t thread, std::uint64_t time, std::uint32_t raw) {
    std::vector<std::byte> bytes;
    put<std::uint32_t>(bytes, PERF_RECORD_SAMPLE);
    put<std::uint16_t>(bytes, 0);
    put<std::uint16_t>(bytes, static_cast<std::uint16_t>(8 + 8 + 8 + 4 + raw));
    put<std::uint32_t>(bytes, 1); // the process
    put(bytes, thread);
    put(bytes, time);
    put(bytes, raw);
    bytes.resize(bytes.size() + raw, std::byte{7});
    return bytes;
}

} // namespace

class TestErofsTrace : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void fields() {
        const std::array<std::string_view, 4> names{"nrpage", "nid", "none", "start"};
        const auto fields = parse_trace_format(readahead, names);
        QCOMPARE(fields.size(), names.size());
        QCOMPARE(fields[0].offset, std::size_t{32});
        QCOMPARE(fields[0].size, std::size_t{4});
        QCOMPARE(fields[1].offset, std::size_t{16});
        QCOMPARE(fields[1].size, std::size_t{8});
        QCOMPARE(fields[2].size, std::size_t{0});
        QCOMPARE(fields[3].offset, std::size_t{24});
    }
    void what_is_no_format() {
        const std::array<std::string_view, 1> names{"nid"};
        for (const char* text : {"", "\n", "\tfield:;\n\tfield:x", "field:a nid", "nid;"})
            QCOMPARE(parse_trace_format(text, names)[0].size, std::size_t{0});
        QCOMPARE(parse_trace_format("field:a nid;", names)[0].size, std::size_t{0});
    }
    void a_field_is_missing() {
        std::string text = readahead;
        text.replace(text.find(" nid;"), 5, " other;");
        ErofsTrace trace;
        const auto added = trace.add(ErofsTrace::readahead_name, Fd(), text);
        QVERIFY(!added);
        QCOMPARE(added.error().code, Code::unsupported);
    }
    void samples() {
        std::vector<std::byte> bytes = sample(5, 1000, 36);
        const auto second = sample(6, 900, 4);
        bytes.insert(bytes.end(), second.begin(), second.end());
        std::vector<std::pair<std::uint32_t, std::size_t>> seen;
        const auto see = [&](const PerfRing::Sample& one) {
            seen.emplace_back(one.thread, one.bytes.size());
        };
        parse_samples(bytes, see);
        QCOMPARE(seen.size(), std::size_t{2});
        QCOMPARE(seen[0].first, 5U);
        QCOMPARE(seen[1].second, std::size_t{4});
        // The oldest is cut off at each place, as where newer ones began to take its room.
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            seen.clear();
            parse_samples(std::span(bytes).first(length), see);
            QCOMPARE(seen.size(), length < bytes.size() - second.size() ? 0U : 1U);
        }
    }
    void what_is_no_sample() {
        std::vector<std::byte> bytes = sample(5, 1000, 4);
        bytes[0] = std::byte{PERF_RECORD_LOST};
        int seen = 0;
        parse_samples(bytes, [&](const PerfRing::Sample&) { ++seen; });
        QCOMPARE(seen, 0);
        bytes = sample(5, 1000, 4);
        bytes[6] = std::byte{2}; // shorter than its header
        parse_samples(bytes, [&](const PerfRing::Sample&) { ++seen; });
        QCOMPARE(seen, 0);
        bytes = sample(5, 1000, 4);
        bytes[24] = std::byte{200}; // longer than its record
        parse_samples(bytes, [&](const PerfRing::Sample&) { ++seen; });
        QCOMPARE(seen, 0);
    }
};

QTEST_GUILESS_MAIN(TestErofsTrace)
#include "test_erofs_trace.moc"
