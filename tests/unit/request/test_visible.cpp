#include "core/request/visible.h"
#include "tests/unit/request/random_run.h"

#include <QTest>
#include <limits>

using namespace coldscope;

namespace {

__extension__ using Wide = unsigned __int128;
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

struct Item {
    Nanoseconds start = 0;
    Nanoseconds end = 0;
    Row row = 0;
    RequestState state = RequestState::refault;
};

std::uint64_t one_group(const EventStore&, const RequestRow& row) {
    return row.object;
}

std::uint32_t naive_column(const TimeAxis& axis, Nanoseconds time) {
    if (time >= axis.end())
        return axis.width() - 1;
    time = std::max(time, axis.begin());
    return static_cast<std::uint32_t>(Wide{time - axis.begin()} * axis.width() /
                                      (axis.end() - axis.begin()));
}

std::vector<Item> items_of(const Lane& lane, const EventStore& store, bool only_marked) {
    std::vector<Item> items;
    for (std::size_t i = 0; i < lane.size(); ++i) {
        const RequestState state = store.state(lane.row(i));
        if (!only_marked || state >= RequestState::was_delayed)
            items.push_back({lane.start(i), lane.end(i), lane.row(i), state});
    }
    return items;
}

// Every request of the lane is looked at.
std::vector<VisibleSpan> naive_visible(const Lane& lane, const EventStore& store,
                                       const TimeAxis& axis, Nanoseconds now, bool only_marked) {
    std::vector<VisibleSpan> folds; // one for each column, or request that is not folded
    for (const Item& item : items_of(lane, store, only_marked)) {
        if (item.start >= axis.end() || item.end < axis.begin())
            continue;
        VisibleSpan span;
        span.left = naive_column(axis, item.start);
        span.right = naive_column(axis, item.end) + 1;
        span.count = 1;
        span.row = item.row;
        span.worst = item.state;
        span.folded = span.right == span.left + 1 && item.end < axis.end();
        if (span.folded && !folds.empty() && folds.back().folded &&
            folds.back().left == span.left) {
            ++folds.back().count;
            folds.back().worst = std::max(folds.back().worst, span.worst);
        } else {
            folds.push_back(span);
        }
    }
    std::vector<VisibleSpan> spans;
    for (const VisibleSpan& span : folds) {
        if (span.folded && !spans.empty() && spans.back().folded &&
            spans.back().right == span.left && spans.back().worst == span.worst) {
            spans.back().right = span.right;
            spans.back().count += span.count;
        } else {
            spans.push_back(span);
        }
    }
    if (lane.open()) {
        const Nanoseconds end = std::max(now, lane.open()->start);
        const RequestState state = store.state(lane.open()->row);
        if (lane.open()->start < axis.end() && end >= axis.begin() &&
            (!only_marked || state >= RequestState::was_delayed))
            spans.push_back({naive_column(axis, lane.open()->start), naive_column(axis, end) + 1, 1,
                             lane.open()->row, state, false, true});
    }
    return spans;
}

std::optional<Row> naive_hit(const Lane& lane, const EventStore& store, Nanoseconds time,
                             Nanoseconds slack, Nanoseconds now) {
    std::vector<Item> items = items_of(lane, store, false);
    if (lane.open())
        items.push_back({lane.open()->start, std::max(now, lane.open()->start), lane.open()->row,
                         store.state(lane.open()->row)});
    const auto distance = [&](const Item& item) -> Nanoseconds {
        return time < item.start ? item.start - time : time > item.end ? time - item.end : 0;
    };
    std::erase_if(items, [&](const Item& item) { return distance(item) > slack; });
    for (const Item& item : items) {
        if (distance(item) == 0 && (item.end - item.start) / 2 > slack)
            return item.row;
    }
    const Item* best = nullptr;
    for (const Item& item : items) {
        if (item.state >= RequestState::was_delayed && (!best || item.state > best->state))
            best = &item;
    }
    if (best)
        return best->row;
    for (const Item& item : items) {
        if (!best || distance(item) < distance(*best))
            best = &item;
    }
    return best ? std::optional(best->row) : std::nullopt;
}

void compare(const Lanes& lanes, const EventStore& store, const TimeAxis& axis, Nanoseconds now) {
    for (Lanes::LaneId id = 0; id < lanes.size(); ++id) {
        const Lane& lane = lanes.lane(id);
        for (const bool only_marked : {false, true}) {
            std::vector<VisibleSpan> spans(1); // what is there already stays
            spans[0].folded = true;
            if (only_marked)
                find_marks(lane, store, axis, now, spans);
            else
                find_visible(lane, store, axis, now, spans);
            QCOMPARE(spans[0].count, 0U);
            spans.erase(spans.begin());
            const auto expected = naive_visible(lane, store, axis, now, only_marked);
            QCOMPARE(spans.size(), expected.size());
            QVERIFY(spans == expected);
            std::vector<unsigned> in_column(axis.width());
            for (const VisibleSpan& span : spans) {
                QVERIFY(span.left < span.right && span.right <= axis.width());
                for (std::uint32_t x = span.left; x < span.right; ++x)
                    QVERIFY(++in_column[x] <= (span.open ? 4U : 3U));
            }
        }
    }
}

} // namespace

class TestVisible : public QObject {
    Q_OBJECT
private slots:
    void axis_data() {
        QTest::addColumn<std::uint64_t>("begin");
        QTest::addColumn<std::uint64_t>("end");
        QTest::addColumn<std::uint32_t>("width");
        QTest::newRow("plain") << std::uint64_t{1000} << std::uint64_t{2000} << 100U;
        QTest::newRow("uneven") << std::uint64_t{1001} << std::uint64_t{2000} << 77U;
        QTest::newRow("all of time") << std::uint64_t{0} << most << 2560U;
        QTest::newRow("widest") << std::uint64_t{0} << most << TimeAxis::most_columns;
        QTest::newRow("columns below 1 ns") << most - 10 << most << 100U;
        QTest::newRow("nothing") << std::uint64_t{5} << std::uint64_t{5} << 0U;
        QTest::newRow("reversed, at the end") << most << std::uint64_t{0} << 10U;
    }
    void axis() {
        QFETCH(std::uint64_t, begin);
        QFETCH(std::uint64_t, end);
        QFETCH(std::uint32_t, width);
        const TimeAxis axis(begin, end, width);
        QVERIFY(axis.begin() < axis.end() && axis.width() >= 1);
        QCOMPARE(axis.time_at(0), axis.begin());
        QCOMPARE(axis.time_at(axis.width()), axis.end());
        std::mt19937_64 random(1);
        for (unsigned i = 0; i < 20'000; ++i) {
            const auto x = static_cast<std::uint32_t>(random() % axis.width());
            const std::uint64_t span = axis.end() - axis.begin();
            for (const Nanoseconds time :
                 {axis.begin() + random() % span, axis.time_at(x), axis.time_at(x) - 1, random()})
                QCOMPARE(axis.column_of(time), naive_column(axis, time));
        }
    }

    void random_windows_data() {
        QTest::addColumn<unsigned>("gap");
        QTest::addColumn<unsigned>("lost_percent");
        QTest::newRow("sparse") << 50'000U << 0U;
        QTest::newRow("busy") << 2000U << 0U;
        QTest::newRow("lost records") << 2000U << 20U;
    }
    void random_windows() {
        QFETCH(unsigned, gap);
        QFETCH(unsigned, lost_percent);
        for (unsigned seed = 1; seed <= 3; ++seed) {
            RandomRun run;
            run.gap = gap;
            run.lost_percent = lost_percent;
            const auto records = run.records(seed);
            std::mt19937_64 random(seed);
            EventStore store;
            Lanes lanes(one_group);
            for (const StepRecord& record : records)
                store.take(record);
            lanes.update(store);
            const Nanoseconds first = store.earliest();
            const Nanoseconds length = store.latest() - first;
            for (unsigned i = 0; i < 60; ++i) {
                const Nanoseconds begin = first - length / 10 + random() % (length + length / 5);
                const Nanoseconds wide = 1 + random() % (length >> random() % 24 | 1);
                const auto width = static_cast<std::uint32_t>(1 + random() % 300);
                const TimeAxis axis(begin, begin + wide, width);
                compare(lanes, store, axis, store.latest() + random() % 1000);
            }
            compare(lanes, store, TimeAxis(0, most, 300), store.latest());
            compare(lanes, store, TimeAxis(first, first + length + 1, 300), first); // now is past
            for (unsigned i = 0; i < 4000; ++i) {
                const Lane& lane = lanes.lane(static_cast<Lanes::LaneId>(random() % lanes.size()));
                const Nanoseconds time = first - 100 + random() % (length + 1000);
                const Nanoseconds slack = (random() >> random() % 64) % (length + 1);
                const Nanoseconds now = store.latest();
                QCOMPARE(hit_test(lane, store, time, slack, now),
                         naive_hit(lane, store, time, slack, now));
            }
        }
    }

    // One failure among ten thousand in one column is what that column shows.
    void folding_hides_nothing() {
        EventStore store;
        Lanes lanes(one_group);
        for (RequestId id = 1; id <= 10'000; ++id) {
            store.take(make_step(id, Step::arrived, 10 * id));
            StepRecord answer = make_step(id, Step::answered, 10 * id + 5);
            answer.result = id == 7000 ? EIO : 0;
            store.take(answer);
        }
        store.take(make_step(10'001, Step::arrived, 200'000));
        store.take(make_step(10'001, Step::held, 200'001));
        lanes.update(store);
        QCOMPARE(lanes.size(), std::size_t{1});
        std::vector<VisibleSpan> spans;
        const TimeAxis axis(0, 1'000'000, 1);
        find_visible(lanes.lane(0), store, axis, 300'000, spans);
        QCOMPARE(spans.size(), std::size_t{2});
        QCOMPARE(spans[0].worst, RequestState::failed);
        QCOMPARE(spans[0].count, 10'000U);
        QCOMPARE(spans[1].worst, RequestState::held);
        spans.clear();
        find_marks(lanes.lane(0), store, axis, 300'000, spans);
        QCOMPARE(spans.size(), std::size_t{2});
        QCOMPARE(spans[0].row, Row{6999});
        QCOMPARE(spans[1].row, Row{10'000});
        QCOMPARE(hit_test(lanes.lane(0), store, 70'100, 5000, 300'000), std::optional<Row>(6999));
        QCOMPARE(hit_test(lanes.lane(0), store, 250'000, 10, 300'000), std::optional<Row>(10'000));
        QVERIFY(!hit_test(lanes.lane(0), store, 400'000, 10, 300'000));
    }

    void extremes() {
        EventStore store;
        Lanes lanes(one_group);
        RequestId id = 0;
        for (const auto& [start, end] : std::initializer_list<std::pair<Nanoseconds, Nanoseconds>>{
                 {0, 0}, {1, 5}, {6, most - 3}, {most - 2, most - 2}, {most - 1, most}}) {
            store.take(make_step(++id, Step::arrived, start));
            store.take(make_step(id, Step::answered, end));
        }
        store.take(make_step(++id, Step::arrived, most));
        lanes.update(store);
        for (const TimeAxis& axis : {TimeAxis(0, most, 2560), TimeAxis(0, 1, 1),
                                     TimeAxis(most - 3, most, 50), TimeAxis(most, most, 7)})
            compare(lanes, store, axis, most);
        for (const Nanoseconds time : {std::uint64_t{0}, std::uint64_t{3}, most - 2, most}) {
            for (const Nanoseconds slack : {std::uint64_t{0}, std::uint64_t{2}, most})
                QCOMPARE(hit_test(lanes.lane(0), store, time, slack, most),
                         naive_hit(lanes.lane(0), store, time, slack, most));
        }
        std::vector<VisibleSpan> spans;
        find_visible(Lane(), store, TimeAxis(0, 1, 1), 0, spans);
        QVERIFY(spans.empty());
        QVERIFY(!hit_test(Lane(), store, 0, most, 0));
    }
};

QTEST_GUILESS_MAIN(TestVisible)
#include "test_visible.moc"
