#include "core/request/visible.h"
#include "tests/unit/request/naive_column.h"
#include "tests/unit/request/one_lane.h"
#include "tests/unit/request/random_run.h"

#include <QTest>
#include <limits>

using namespace coldscope;

namespace {

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

std::vector<Item> items_of(const Lane& lane, const EventStore& store, bool only_marked) {
    std::vector<Item> items;
    for (std::size_t i = 0; i < lane.size(); ++i) {
        const RequestState state = store.state(lane.row(i));
        if (!only_marked || state >= RequestState::was_delayed)
            items.push_back({lane.start(i), lane.end(i), lane.row(i), state});
    }
    return items;
}

// Requests in a row that are folded without an empty column or a long request among them.
struct Stretch {
    std::vector<Item> items;
    std::uint32_t left = 0;
    std::vector<RequestState> columns; // the worst in each, from `left` on
};

// Where the worse of two neighbouring folds begins or ends is where the better one's requests, from
// one that touches its columns on, end or begin.
std::vector<VisibleSpan> naive_folds(const Stretch& stretch, const TimeAxis& axis) {
    std::vector<VisibleSpan> folds;
    for (std::uint32_t i = 0; i < stretch.columns.size(); ++i) {
        if (folds.empty() || folds.back().worst != stretch.columns[i]) {
            VisibleSpan span;
            span.left = stretch.left + i;
            span.worst = stretch.columns[i];
            span.folded = true;
            folds.push_back(span);
        }
        folds.back().right = stretch.left + i + 1;
    }
    const auto one_of = [&](const VisibleSpan& fold) {
        std::size_t i = 0;
        while (naive_column(axis, stretch.items[i].end) < fold.left)
            ++i;
        return i;
    };
    std::size_t first = 0;
    for (std::size_t i = 0; i < folds.size(); ++i) {
        std::size_t last = stretch.items.size();
        if (i + 1 < folds.size() && folds[i].worst < folds[i + 1].worst) {
            last = one_of(folds[i]);
            while (stretch.items[last].state <= folds[i].worst)
                ++last;
        } else if (i + 1 < folds.size()) {
            last = one_of(folds[i + 1]);
            while (stretch.items[last - 1].state <= folds[i + 1].worst)
                --last;
        }
        folds[i].count = static_cast<std::uint32_t>(last - first);
        folds[i].row = stretch.items[first].row;
        first = last;
    }
    return folds;
}

// Every request of the lane and every column is looked at.
std::vector<VisibleSpan> naive_visible(const Lane& lane, const EventStore& store,
                                       const TimeAxis& axis, Nanoseconds now, bool only_marked) {
    std::vector<VisibleSpan> spans;
    Stretch stretch;
    const auto end_stretch = [&] {
        for (const VisibleSpan& fold : naive_folds(stretch, axis))
            spans.push_back(fold);
        stretch = {};
    };
    for (const Item& item : items_of(lane, store, only_marked)) {
        if (item.start >= axis.end() || item.end < axis.begin())
            continue;
        const std::uint32_t left = naive_column(axis, item.start);
        const std::uint32_t right = naive_column(axis, item.end) + 1;
        const bool is_long =
            Wide{item.end - item.start} * axis.width() >= Wide{2} * (axis.end() - axis.begin());
        if (is_long || stretch.left + stretch.columns.size() < left)
            end_stretch();
        if (is_long) {
            spans.push_back({left, right, 1, item.row, item.state, false, false});
            continue;
        }
        if (stretch.items.empty())
            stretch.left = left;
        stretch.items.push_back(item);
        stretch.columns.resize(right - stretch.left, item.state);
        for (std::uint32_t x = left; x < right; ++x)
            stretch.columns[x - stretch.left] =
                std::max(stretch.columns[x - stretch.left], item.state);
    }
    end_stretch();
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

// Whatever the spans are, each column of them shows the worst request that touches it, no other
// column shows anything, and every request is counted once.
void check_columns(const std::vector<VisibleSpan>& spans, const std::vector<Item>& items,
                   const TimeAxis& axis) {
    std::vector<int> expected(axis.width(), -1);
    std::size_t count = 0;
    for (const Item& item : items) {
        if (item.start >= axis.end() || item.end < axis.begin())
            continue;
        ++count;
        for (auto x = naive_column(axis, item.start); x <= naive_column(axis, item.end); ++x)
            expected[x] = std::max(expected[x], static_cast<int>(item.state));
    }
    std::vector<int> shown(axis.width(), -1);
    std::vector<unsigned> in_column(axis.width());
    for (const VisibleSpan& span : spans) {
        QVERIFY(span.left < span.right && span.right <= axis.width());
        QVERIFY(span.count > 0);
        QVERIFY(!span.open);
        count -= span.count;
        for (std::uint32_t x = span.left; x < span.right; ++x) {
            shown[x] = std::max(shown[x], static_cast<int>(span.worst));
            QVERIFY(++in_column[x] <= 3U);
        }
    }
    QVERIFY(shown == expected);
    QCOMPARE(count, std::size_t{0});
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
            if (!spans.empty() && spans.back().open)
                spans.pop_back();
            check_columns(spans, items_of(lane, store, only_marked), axis);
        }
    }
}

} // namespace

class TestVisible : public QObject {
    Q_OBJECT
private Q_SLOTS:
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

    void grows_live_data() {
        QTest::addColumn<unsigned>("most_bits");
        QTest::addColumn<unsigned>("rare");
        QTest::newRow("alike, marks everywhere") << 3U << 2U;
        QTest::newRow("alike, few marks") << 6U << 100U;
        QTest::newRow("of all lengths, few marks") << 30U << 50U;
        QTest::newRow("of all lengths, marks everywhere") << 30U << 1U;
        QTest::newRow("no marks") << 12U << 1'000'000U;
    }
    // A lane that grows over the borders of its groups of 64 and 64 x 64, by little and by much.
    void grows_live() {
        QFETCH(unsigned, most_bits);
        QFETCH(unsigned, rare);
        std::mt19937_64 random(most_bits);
        const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
        EventStore store;
        Lanes lanes(one_group);
        OneLane lane(rare, most_bits, rare);
        const auto check = [&] {
            lanes.update(store);
            QCOMPARE(lanes.size(), std::size_t{1});
            const Nanoseconds first = store.earliest();
            const Nanoseconds length = store.latest() - first + 1;
            compare(lanes, store, TimeAxis(first, first + length, 1 + below(500)), store.latest());
            const Nanoseconds wide = 1 + length / (1 + below(50));
            compare(lanes, store, TimeAxis(first + length - wide, first + length, 200),
                    store.latest());
            const Nanoseconds part = 1 + (length >> below(20));
            const Nanoseconds begin = first + random() % length;
            compare(lanes, store, TimeAxis(begin, begin + part, 1 + below(300)), store.latest());
        };
        while (store.size() < 140) {
            lane.append(store, 1);
            check();
        }
        while (store.size() < 4050) {
            lane.append(store, 1 + below(300));
            check();
        }
        while (store.size() < 4230) {
            lane.append(store, 1 + below(20));
            check();
        }
        for (unsigned i = 0; i < 10; ++i) {
            lane.append(store, below(2000));
            check();
        }
    }

    // Two columns or longer: by itself, wherever the window begins; shorter: folded.
    void long_ones() {
        EventStore store;
        Lanes lanes(one_group);
        RequestId id = 0;
        for (const auto& [start, end] : std::initializer_list<std::pair<Nanoseconds, Nanoseconds>>{
                 {1000, 1010}, {1015, 1034}, {1035, 1055}, {1056, 1058}, {1100, 1300}}) {
            store.take(make_step(++id, Step::arrived, start));
            store.take(make_step(id, Step::answered, end));
        }
        lanes.update(store);
        for (Nanoseconds begin = 990; begin < 1000; ++begin) {
            std::vector<VisibleSpan> spans;
            find_visible(lanes.lane(0), store, TimeAxis(begin, begin + 400, 40), 2000, spans);
            QCOMPARE(spans.size(), std::size_t{4});
            QCOMPARE(spans[0].count, 2U);
            QVERIFY(!spans[1].folded && spans[1].row == 2);
            QVERIFY(spans[2].folded && spans[2].row == 3);
            QVERIFY(!spans[3].folded && spans[3].row == 4);
            compare(lanes, store, TimeAxis(begin, begin + 400, 40), 2000);
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
