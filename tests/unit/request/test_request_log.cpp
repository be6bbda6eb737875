#include "core/request/request.h"

#include <QTest>
#include <cerrno>

using namespace coldscope;

namespace {

StepRecord record(RequestId id, Step step, Nanoseconds time) {
    StepRecord result;
    result.request = id;
    result.step = step;
    result.time = time;
    result.object = 3;
    result.pid = 42;
    result.offset = 8192;
    result.length = 4096;
    result.command = {'c', 'a', 't'};
    return result;
}

StepRecord answered(RequestId id, Nanoseconds time, int error = 0) {
    StepRecord result = record(id, Step::answered, time);
    result.result = error;
    return result;
}

// One that was answered after this time.
void pass(RequestLog& log, RequestId id, Nanoseconds latency) {
    QVERIFY(!log.take(record(id, Step::arrived, 1000 * id)));
    QVERIFY(log.take(answered(id, 1000 * id + latency)));
}

} // namespace

class TestRequestLog : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whole_life() {
        RequestLog log;
        QVERIFY(!log.take(record(1, Step::arrived, 100)));
        QVERIFY(!log.take(record(1, Step::matched, 101)));
        QVERIFY(!log.take(record(1, Step::held, 102)));
        QVERIFY(!log.take(record(1, Step::delayed, 110)));
        StepRecord fetching = record(1, Step::fetching, 120);
        fetching.length = 65536; // what this request set off
        fetching.flags = flag::by_hand;
        QVERIFY(!log.take(fetching));
        QVERIFY(!log.take(record(1, Step::filling, 130)));
        const auto request = log.take(answered(1, 140));
        QVERIFY(request);
        QCOMPARE(request->id, RequestId{1});
        QCOMPARE(request->object, 3U);
        QCOMPARE(request->op, Op::read);
        QCOMPARE(request->pid, 42U);
        QCOMPARE(request->offset, std::uint64_t{8192});
        QCOMPARE(request->length, std::uint64_t{4096});
        QCOMPARE(request->fetched, std::uint64_t{65536});
        QCOMPARE(request->arrived, std::uint64_t{100});
        QCOMPARE(request->held, std::uint64_t{102});
        QCOMPARE(request->delayed, std::uint64_t{110});
        QCOMPARE(request->fetching, std::uint64_t{120});
        QCOMPARE(request->filling, std::uint64_t{130});
        QCOMPARE(request->ended, std::uint64_t{140});
        QCOMPARE(request->flags, flag::by_hand);
        QCOMPARE(request->command, std::string("cat"));
        QVERIFY(!request->lost);
        const Summary summary = log.summary();
        QCOMPARE(summary.requests, std::uint64_t{1});
        QCOMPARE(summary.held, std::uint64_t{1});
        QCOMPARE(summary.delayed, std::uint64_t{1});
        QCOMPARE(summary.bytes_asked, std::uint64_t{4096});
        QCOMPARE(summary.bytes_fetched(), std::uint64_t{65536});
        QCOMPARE(summary.max, Nanoseconds{0}); // held: no latency of the source's
    }

    void counts() {
        RequestLog log;
        StepRecord refault = answered(1, 20);
        refault.flags = flag::refault;
        QVERIFY(!log.take(record(1, Step::arrived, 10)));
        QVERIFY(log.take(refault));
        QVERIFY(!log.take(record(2, Step::arrived, 30)));
        const auto failed = log.take(answered(2, 40, EIO));
        QCOMPARE(failed->result, EIO);
        QVERIFY(!log.take(record(3, Step::arrived, 50)));
        // Held twice is one that was held.
        QVERIFY(!log.take(record(3, Step::held, 51)));
        QVERIFY(!log.take(record(3, Step::held, 52)));
        const auto lost = log.take(record(3, Step::lost, 60));
        QVERIFY(lost->lost);
        StepRecord notice = record(0, Step::notice, 70);
        notice.result = static_cast<int>(Notice::cache_full);
        QVERIFY(!log.take(notice));
        const Summary summary = log.summary();
        QCOMPARE(summary.requests, std::uint64_t{3});
        QCOMPARE(summary.refaults, std::uint64_t{1});
        QCOMPARE(summary.failed, std::uint64_t{1});
        QCOMPARE(summary.lost, std::uint64_t{1});
        QCOMPARE(summary.held, std::uint64_t{1});
    }

    void requests_may_cross() {
        RequestLog log;
        for (RequestId id = 1; id <= 3; ++id)
            QVERIFY(!log.take(record(id, Step::arrived, 10 * id)));
        for (const RequestId id : {2U, 3U, 1U}) {
            const auto request = log.take(answered(id, 100 + id));
            QCOMPARE(request->id, RequestId{id});
            QCOMPARE(request->arrived, Nanoseconds{10 * id});
        }
    }

    void percentiles_data() {
        QTest::addColumn<unsigned>("count");
        QTest::addColumn<unsigned>("p50");
        QTest::addColumn<unsigned>("p95");
        QTest::newRow("one") << 1U << 1U << 1U;
        QTest::newRow("two") << 2U << 1U << 2U;
        QTest::newRow("three") << 3U << 2U << 3U;
        QTest::newRow("19 of 20 are within") << 20U << 10U << 19U;
        QTest::newRow("hundred") << 100U << 50U << 95U;
        QTest::newRow("thousand") << 1000U << 500U << 950U;
        QTest::newRow("hundred thousand") << 100'000U << 50'000U << 95'000U;
    }
    // Latencies 1..count, not in order.
    void percentiles() {
        QFETCH(unsigned, count);
        QFETCH(unsigned, p50);
        QFETCH(unsigned, p95);
        RequestLog log;
        for (unsigned i = count; i > 0; --i)
            pass(log, i, i);
        const Summary summary = log.summary();
        // Never too small, and to 1 %: exact where that is less than 1 ns.
        QVERIFY(summary.p50 >= p50 && summary.p50 <= p50 + p50 / 100);
        QVERIFY(summary.p95 >= p95 && summary.p95 <= p95 + p95 / 100);
        QCOMPARE(summary.max, Nanoseconds{count});
    }

    void whose_latencies_count() {
        RequestLog log;
        pass(log, 1, 5);
        for (const Step step : {Step::held, Step::delayed}) {
            QVERIFY(!log.take(record(2, Step::arrived, 0)));
            QVERIFY(!log.take(record(2, step, 1)));
            QVERIFY(log.take(answered(2, 1'000'000)));
        }
        QVERIFY(!log.take(record(3, Step::arrived, 0)));
        QVERIFY(log.take(record(3, Step::lost, 1'000'000)));
        StepRecord open = record(4, Step::arrived, 1);
        open.op = Op::open;
        QVERIFY(!log.take(open));
        QVERIFY(log.take(answered(4, 1'000'000)));
        QCOMPARE(log.summary().max, Nanoseconds{5});
        QCOMPARE(log.summary().requests, std::uint64_t{5});
    }

    // Records that found no room on their way are gone; what is left must not be misread.
    void arrival_lost_on_the_way() {
        RequestLog log;
        StepRecord fetching = record(9, Step::fetching, 50);
        fetching.length = 1 << 20;
        QVERIFY(!log.take(fetching));
        const auto request = log.take(answered(9, 60));
        QVERIFY(request);
        QCOMPARE(request->id, RequestId{9});
        QCOMPARE(request->object, 3U);
        QCOMPARE(request->pid, 42U);
        QCOMPARE(request->offset, std::uint64_t{8192});
        QCOMPARE(request->arrived, Nanoseconds{0});
        QCOMPARE(request->command, std::string("cat"));
        const Summary summary = log.summary();
        QCOMPARE(summary.requests, std::uint64_t{1});
        QCOMPARE(summary.max, Nanoseconds{0}); // no latency without a beginning
        // Its number may come again only in a new run: nothing of it is left.
        pass(log, 9, 7);
        QCOMPARE(log.summary().max, Nanoseconds{7});
    }

    void command_names() {
        StepRecord full;
        full.command.fill('x');
        QCOMPARE(full.command_name(), std::string_view("xxxxxxxxxxxxxxxx"));
        QCOMPARE(StepRecord{}.command_name(), std::string_view());
    }
};

QTEST_GUILESS_MAIN(TestRequestLog)
#include "test_request_log.moc"
