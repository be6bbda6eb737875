#include "app/charts/run_figures.h"
#include "tests/unit/request/random_run.h"

#include <QTest>
#include <algorithm>
#include <limits>
#include <numeric>

using namespace coldscope;
using app::RunFigures;

namespace {

// What the requests of a store come to, every one of them looked at.
struct Naive {
    std::vector<Nanoseconds> misses;
    std::uint64_t ended = 0;
    std::uint64_t failed = 0;
    std::uint64_t lost = 0;
    std::uint64_t asked = 0;
    std::uint64_t fetched = 0;

    explicit Naive(const EventStore& store) {
        for (Row row = 0; row < store.size(); ++row) {
            const RequestRow& request = store[row];
            if (request.open())
                continue;
            fetched += request.fetched;
            if (request.background())
                continue;
            ++ended;
            asked += request.length;
            lost += request.last == Step::lost;
            failed += request.last == Step::answered && request.result != 0;
            if (store.state(row) == RequestState::answered && !request.arrival_lost)
                misses.push_back(request.end() - request.start);
        }
        std::sort(misses.begin(), misses.end());
    }
    [[nodiscard]] Nanoseconds percentile(unsigned percent) const {
        return misses.empty() ? 0 : misses[(misses.size() * percent + 99) / 100 - 1];
    }
};

// To the 1 % that is promised.
bool near(Nanoseconds figure, Nanoseconds exact) {
    return figure >= exact && figure - exact <= exact / 100;
}

void compare(const RunFigures& figures, const EventStore& store) {
    const Naive naive(store);
    QCOMPARE(figures.ended(), naive.ended);
    QCOMPARE(figures.failed(), naive.failed);
    QCOMPARE(figures.lost(), naive.lost);
    QCOMPARE(figures.bytes_asked(), naive.asked);
    QCOMPARE(figures.bytes_fetched(), naive.fetched);
    QCOMPARE(figures.misses(), std::uint64_t{naive.misses.size()});
    for (const unsigned percent : {1U, 50U, 95U, 100U})
        QVERIFY(near(figures.percentile(percent), naive.percentile(percent)));
    QCOMPARE(figures.slowest(), naive.percentile(100));
    for (std::size_t bin = 0; bin < RunFigures::latency_bins; ++bin) {
        const auto in_bin = [&](Nanoseconds time) {
            return (bin == 0 || time >= RunFigures::latency_edge(bin)) &&
                   (bin + 1 == RunFigures::latency_bins ||
                    time < RunFigures::latency_edge(bin + 1));
        };
        QCOMPARE(figures.latencies()[bin],
                 static_cast<std::uint64_t>(std::ranges::count_if(naive.misses, in_bin)));
    }
    QVERIFY(figures.bins().size() <= RunFigures::most_bins);
    std::vector<RunFigures::Bin> bins(figures.bins().size());
    for (Row row = 0; row < store.size(); ++row) {
        if (store[row].open())
            continue;
        const Nanoseconds since =
            store[row].end() > figures.began() ? store[row].end() - figures.began() : 0;
        RunFigures::Bin& bin = bins.at(since / figures.bin_width());
        bin.fetched += store[row].fetched;
        bin.answered += !store[row].background() && store[row].last == Step::answered;
    }
    QVERIFY(figures.bins() == bins);
}

// A request with these times, from its arrival to its answer.
void ask(EventStore& store, RequestId id, Nanoseconds arrived, Nanoseconds answered,
         std::vector<Step> between = {Step::fetching}, std::uint16_t flags = 0, int result = 0) {
    StepRecord record = make_step(id, Step::arrived, arrived);
    store.take(record);
    for (const Step step : between) {
        record = make_step(id, step, arrived);
        store.take(record);
    }
    record = make_step(id, Step::answered, answered);
    record.flags = flags;
    record.result = result;
    store.take(record);
}

} // namespace

class TestRunFigures : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void random_runs_data() {
        QTest::addColumn<unsigned>("gap");
        QTest::addColumn<unsigned>("life");
        QTest::addColumn<unsigned>("lost_percent");
        QTest::newRow("short") << 1000U << 5000U << 0U;
        QTest::newRow("slow") << 100'000U << 3'000'000U << 0U;
        QTest::newRow("long") << 400'000'000U << 2'000'000'000U << 0U;
        QTest::newRow("lost records") << 1'000'000U << 5000U << 20U;
    }
    void random_runs() {
        QFETCH(unsigned, gap);
        QFETCH(unsigned, life);
        QFETCH(unsigned, lost_percent);
        RandomRun run;
        run.gap = gap;
        run.life = life;
        run.lost_percent = lost_percent;
        std::mt19937_64 random(1);
        EventStore store;
        RunFigures figures;
        for (const StepRecord& record : run.records(7)) {
            store.take(record);
            if (random() % 20 == 0)
                figures.update(store);
        }
        figures.update(store);
        compare(figures, store);
        QVERIFY(!figures.update(store));
    }
    void of_nothing() {
        EventStore store;
        RunFigures figures;
        QVERIFY(!figures.update(store));
        QCOMPARE(figures.percentile(50), 0U);
        QVERIFY(figures.bins().empty());
    }
    void an_open_request_counts_when_it_ends() {
        EventStore store;
        RunFigures figures;
        store.take(make_step(1, Step::arrived, second));
        QVERIFY(!figures.update(store));
        store.take(make_step(1, Step::fetching, second + 1));
        QVERIFY(!figures.update(store));
        QCOMPARE(figures.bytes_fetched(), 0U);
        store.take(make_step(1, Step::answered, second + 3 * millisecond));
        QVERIFY(figures.update(store));
        QVERIFY(!figures.update(store));
        QCOMPARE(figures.ended(), 1U);
        QCOMPARE(figures.bytes_fetched(), 4096U);
        QCOMPARE(figures.percentile(50), 3 * millisecond); // never above the greatest
    }
    void what_is_no_miss() {
        EventStore store;
        RunFigures figures;
        ask(store, 1, second, second + 10, {}, flag::refault);
        ask(store, 2, second, second + 20, {Step::held, Step::fetching});
        ask(store, 3, second, second + 30, {Step::delayed, Step::fetching});
        ask(store, 4, second, second + 40, {Step::fetching}, 0, EIO);
        figures.update(store);
        QCOMPARE(figures.ended(), 4U);
        QCOMPARE(figures.misses(), 0U);
        ask(store, 5, second, second + 50, {Step::fetching}, flag::joined);
        figures.update(store);
        QCOMPARE(figures.misses(), 1U);
    }
    void edges_of_latencies() {
        QCOMPARE(RunFigures::latency_edge(0), microsecond);
        QCOMPARE(RunFigures::latency_edge(3 * RunFigures::per_decade), millisecond);
        QCOMPARE(RunFigures::latency_edge(RunFigures::latency_bins), 10 * second);
        EventStore store;
        RunFigures figures;
        ask(store, 1, second, second + 1); // faster than all bins
        ask(store, 2, second, 100 * second);
        ask(store, 3, second, second + millisecond); // of two bins the later
        ask(store, 4, second, second + millisecond - 1);
        figures.update(store);
        const auto& bins = figures.latencies();
        QCOMPARE(bins.front(), 1U);
        QCOMPARE(bins.back(), 1U);
        QCOMPARE(bins[3 * RunFigures::per_decade], 1U);
        QCOMPARE(bins[3 * RunFigures::per_decade - 1], 1U);
    }
    void time_begins_with_the_run_or_before() {
        EventStore store;
        RunFigures figures(second);
        ask(store, 1, second / 2, second / 2 + 10);
        ask(store, 2, second, second + 10);
        figures.update(store);
        QCOMPARE(figures.began(), second / 2);
        QCOMPARE(figures.bins().size(), std::size_t{11});
        EventStore other;
        RunFigures later(second);
        ask(other, 1, 2 * second, 2 * second);
        later.update(other);
        QCOMPARE(later.began(), second);
        QCOMPARE(later.bins().size(), std::size_t{21});
    }
    void times_without_measure() {
        constexpr Nanoseconds most = std::numeric_limits<Nanoseconds>::max();
        EventStore store;
        RunFigures figures;
        ask(store, 1, 1, most);
        ask(store, 2, 5, 2); // the answer before the question
        figures.update(store);
        compare(figures, store);
        QCOMPARE(figures.slowest(), most - 1);
    }
};

QTEST_GUILESS_MAIN(TestRunFigures)
#include "test_run_figures.moc"
