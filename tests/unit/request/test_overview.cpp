#include "core/request/overview.h"
#include "tests/unit/request/random_run.h"

#include <QTest>
#include <limits>

using namespace coldscope;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

// Every request of the store is looked at.
std::vector<OverviewCell> naive(const EventStore& store, const TimeAxis& axis, unsigned bits) {
    std::vector<OverviewCell> columns(axis.width());
    for (Row row = 0; row < store.size(); ++row) {
        const RequestRow& request = store[row];
        Nanoseconds time = request.start;
        if (!request.open()) { // it counts where its bucket begins
            time = time >> bits << bits;
            if (time >> bits == axis.begin() >> bits)
                time = axis.begin();
        }
        if (time >= axis.begin() && time < axis.end())
            columns[axis.column_of(time)].add({1, request.length, store.state(row)});
    }
    return columns;
}

void compare(const Overview& overview, EventStore& store, const TimeAxis& axis) {
    std::vector<OverviewCell> columns(3); // is replaced
    overview.query(store, axis, columns);
    QVERIFY(columns == naive(store, axis, overview.bucket_bits()));
}

} // namespace

class TestOverview : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void random_runs_data() {
        QTest::addColumn<unsigned>("gap");
        QTest::addColumn<unsigned>("lost_percent");
        QTest::newRow("short") << 1000U << 0U;
        QTest::newRow("long") << 100'000'000U << 0U;
        QTest::newRow("lost records") << 1'000'000U << 20U;
    }
    void random_runs() {
        QFETCH(unsigned, gap);
        QFETCH(unsigned, lost_percent);
        for (unsigned seed = 1; seed <= 3; ++seed) {
            RandomRun run;
            run.gap = gap;
            run.lost_percent = lost_percent;
            std::mt19937_64 random(seed);
            EventStore store;
            Overview overview;
            for (const StepRecord& record : run.records(seed)) {
                store.take(record);
                if (random() % 50 == 0)
                    overview.update(store);
            }
            overview.update(store);
            const Nanoseconds first = store.earliest();
            const Nanoseconds length = store.latest() - first + 1;
            for (unsigned i = 0; i < 50; ++i) {
                const Nanoseconds begin = first - length / 10 + random() % (length + length / 5);
                const Nanoseconds wide = 1 + random() % (length >> random() % 16 | 1);
                compare(
                    overview, store,
                    TimeAxis(begin, begin + wide, static_cast<std::uint32_t>(1 + random() % 300)));
            }
            const TimeAxis all(0, most, 1);
            compare(overview, store, all);
            std::vector<OverviewCell> columns;
            overview.query(store, all, columns);
            QCOMPARE(columns[0].count, std::uint64_t{store.size()});
        }
    }

    // Buckets widen for what comes later, and for what goes back; nothing is lost.
    void extremes() {
        EventStore store;
        Overview overview;
        std::vector<OverviewCell> columns;
        overview.query(store, TimeAxis(0, most, 3), columns);
        QVERIFY(columns == std::vector<OverviewCell>(3));
        RequestId id = 0;
        for (const Nanoseconds time :
             {most / 2, most / 2 + (Nanoseconds{1} << 40), most / 2 - (Nanoseconds{1} << 41),
              most / 3, most, Nanoseconds{0}, most - 1, Nanoseconds{1}}) {
            StepRecord record = make_step(++id, Step::arrived, time);
            record.length = most / 2;
            store.take(record);
            record.step = Step::answered;
            store.take(record);
            overview.update(store);
            compare(overview, store, TimeAxis(0, most, 1));
            compare(overview, store, TimeAxis(0, most, 2560));
            compare(overview, store, TimeAxis(most / 2 - 5, most / 2 + 5, 7));
        }
        overview.query(store, TimeAxis(0, most, 1), columns);
        QCOMPARE(columns[0].count, id);
        QCOMPARE(columns[0].bytes, most);
    }
};

QTEST_GUILESS_MAIN(TestOverview)
#include "test_overview.moc"
