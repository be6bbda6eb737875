#include "daemon/run/event_log.h"

#include <QTest>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

using namespace coldscope;

namespace {

StepRecord step(Step what) {
    StepRecord record;
    record.request = 42;
    record.time = 123'456'789'012'345;
    record.offset = 1ULL << 40;
    record.length = 65536;
    record.object = first_file_object + 7;
    record.pid = 4242;
    record.step = what;
    record.command = {'m', 'd', '5', 's', 'u', 'm'};
    return record;
}

bool same(const StepRecord& one, const StepRecord& other) {
    return std::memcmp(&one, &other, sizeof one) == 0;
}

struct Read {
    Result<EventLog> log;
    std::vector<StepRecord> records;
};

Read read(std::string_view text) {
    MemoryReadAt file(std::as_bytes(std::span(text)));
    std::vector<StepRecord> records;
    auto log = read_event_log(file, [&](const StepRecord& one) { records.push_back(one); });
    return {std::move(log), std::move(records)};
}

const std::string good = event_line(step(Step::arrived), "\"blob\"");

} // namespace

class TestEventLog : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void round_trip() {
        std::vector<StepRecord> records;
        for (int i = 0; i < static_cast<int>(Step::notice); ++i)
            records.push_back(step(static_cast<Step>(i)));
        records.push_back(step(Step::matched));
        records.back().result = 7; // the rule
        for (const int error : {EIO, ENOTCONN, 0}) {
            records.push_back(step(Step::answered));
            records.back().result = error;
        }
        for (const Op op : {Op::open, Op::close}) {
            records.push_back(step(Step::answered));
            records.back().op = op;
        }
        for (const std::uint16_t flags : {flag::refault, flag::joined, flag::own, flag::by_rule,
                                          flag::by_hand, flag::simulated, flag::observer}) {
            records.push_back(step(Step::answered));
            records.back().flags = flags;
        }
        records.back().flags = 63;
        records.push_back(step(Step::arrived));
        records.back().command = {'a', '"', '\\', '\n', '\x01', '<'};
        records.push_back(step(Step::arrived)); // no text at all
        records.back().command = {'\xff', '\xfe', '\x80', 'x', '\xc3'};
        records.push_back(step(Step::arrived)); // 15 bytes, of which the last cuts a letter
        std::memcpy(records.back().command.data(), "01234567890123\xc3", 16);
        records.push_back(step(Step::lost));
        StepRecord& greatest = records.back();
        greatest.request = greatest.time = greatest.offset = greatest.length =
            std::numeric_limits<std::uint64_t>::max();
        greatest.object = greatest.pid = std::numeric_limits<std::uint32_t>::max();
        greatest.result = std::numeric_limits<std::int32_t>::max();
        StepRecord notice;
        notice.step = Step::notice;
        notice.request = 5;
        notice.time = 9;
        notice.result = static_cast<std::int32_t>(Notice::cache_full);
        records.push_back(notice);

        std::string text;
        for (const StepRecord& record : records)
            text += event_line(record, "\"blob \\\"1\\\"\"") + '\n';
        const auto [log, got] = read(text);
        QVERIFY(log);
        QCOMPARE(got.size(), records.size());
        for (std::size_t i = 0; i < got.size(); ++i)
            QVERIFY2(same(got[i], records[i]), event_line(records[i], "\"\"").c_str());
        QCOMPARE(log->object_names.at(first_file_object + 7), std::string("blob \"1\""));
        QCOMPARE(log->lines, records.size());
        QVERIFY(!log->cut_off);
    }
    void what_the_run_is() {
        const auto [log, got] =
            read(R"({"event":"ready","image":"/a/b.erofs","time":17,"transport":"simulated",)"
                 R"("simulated":true,"guarded":false})"
                 "\n\n" +
                 good + "\r\n" + R"({"event":"lost_events","count":3})" + "\n" +
                 R"({"event":"of a later version","more":[1,{"a":null}]})" + "\n");
        QVERIFY(log);
        QCOMPARE(got.size(), std::size_t{1});
        QCOMPARE(log->image, std::string("/a/b.erofs"));
        QCOMPARE(log->transport, std::string("simulated"));
        QCOMPARE(log->began, 17U);
        QVERIFY(log->simulated);
        QCOMPARE(log->lost_events, 3U);
    }
    void bad_lines_data() {
        QTest::addColumn<QByteArray>("line");
        QTest::addColumn<int>("byte"); // of the line
        const QByteArray line = QByteArray::fromStdString(good);
        const auto with = [&](const char* from, const char* to) {
            QByteArray changed = line;
            return changed.replace(from, to);
        };
        QTest::newRow("no JSON") << QByteArray("request 1 arrived") << 0;
        QTest::newRow("cut off") << line.left(20) << 20;
        QTest::newRow("a bracket too many") << line + "}" << static_cast<int>(line.size());
        QTest::newRow("no UTF-8") << QByteArray("{\"event\":\"\xff\"}") << 10;
        QTest::newRow("an array") << QByteArray("[]") << 0;
        QTest::newRow("no event") << QByteArray("{}") << 0;
        QTest::newRow("no request") << with("\"request\":42,", "") << 0;
        QTest::newRow("negative") << with("\"request\":42", "\"request\":-42") << 0;
        QTest::newRow("a fraction") << with("\"request\":42", "\"request\":42.5") << 0;
        QTest::newRow("too large")
            << with("\"request\":42", "\"request\":18446744073709551616") << 0;
        QTest::newRow("beyond all") << with("\"request\":42", "\"request\":1e999") << 0;
        QTest::newRow("a large pid") << with("\"pid\":4242", "\"pid\":4294967296") << 0;
        QTest::newRow("a text as a number") << with("\"pid\":4242", "\"pid\":\"1\"") << 0;
        QTest::newRow("an unknown operation") << with("\"read\"", "\"write\"") << 0;
        QTest::newRow("a name that is none") << with("\"blob\"", "[]") << 0;
        QTest::newRow("a flag that is none") << with("\"result\":null", "\"own\":1") << 0;
        QTest::newRow("a matched without rule") << with("arrived", "matched") << 0;
        QTest::newRow("no hexadecimal digits")
            << with("\"result\"", "\"command_hex\":\"0g\",\"result\"") << 0;
        QTest::newRow("deep") << QByteArray(60'000, '[') << 60'000;
    }
    void bad_lines() {
        QFETCH(QByteArray, line);
        QFETCH(int, byte);
        const auto [log, got] = read(good + "\n" + line.toStdString() + "\n" + good + "\n");
        QVERIFY(!log);
        QCOMPARE(got.size(), std::size_t{1}); // what came before
        QVERIFY(log.error().code == Code::corrupt);
        QVERIFY2(log.error().context.starts_with("line 2: "), log.error().context.c_str());
        const auto offset = static_cast<qint64>(log.error().offset - good.size() - 1);
        if (byte == 0)
            QCOMPARE(offset, 0);
        else // of a byte that is wrong, or the one after it
            QVERIFY2(offset >= byte - 1 && offset <= byte + 1, qPrintable(QString::number(offset)));
    }
    void long_lines() {
        const std::string fits = good + std::string(longest_event - good.size(), ' ') + '\n';
        QCOMPARE(read(fits + fits).records.size(), std::size_t{2});
        const auto [log, got] = read(good + '\n' + std::string(1 << 20, 'x'));
        QVERIFY(!log);
        QVERIFY(log.error().context.starts_with("line 2: "));
        QCOMPARE(log.error().offset, good.size() + 1 + longest_event);
    }
    void a_last_line_without_end() {
        const auto whole = read(good + '\n' + good);
        QCOMPARE(whole.records.size(), std::size_t{2});
        QVERIFY(!whole.log->cut_off);
        for (std::size_t left = 1; left < good.size(); ++left) {
            const auto cut = read(good + '\n' + good.substr(0, left));
            QVERIFY(cut.log);
            QVERIFY(cut.log->cut_off);
            QCOMPARE(cut.records.size(), std::size_t{1});
        }
        QVERIFY(!read("no log at all").log);
        QVERIFY(read("").log);
    }
    void lines_across_pieces() {
        std::string text;
        for (std::uint64_t i = 1; i <= 5000; ++i) {
            StepRecord record = step(Step::arrived);
            record.request = i;
            text += event_line(record, "\"blob\"") + '\n';
        }
        const auto [log, got] = read(text);
        QVERIFY(log);
        QCOMPARE(got.size(), std::size_t{5000});
        for (std::uint64_t i = 1; i <= 5000; ++i)
            QCOMPARE(got[i - 1].request, i);
    }
};

QTEST_GUILESS_MAIN(TestEventLog)
#include "test_event_log.moc"
