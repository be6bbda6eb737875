#include "core/request/lanes.h"
#include "tests/unit/request/random_run.h"

#include <QTest>
#include <limits>
#include <map>
#include <set>

using namespace coldscope;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

std::uint64_t by_object(const EventStore&, const RequestRow& row) {
    return row.object;
}
std::uint64_t by_pid(const EventStore& store, const RequestRow& row) {
    return store.reader(row).pid;
}

// The rows of each lane, in order.
std::vector<std::vector<Row>> rows_of(const Lanes& lanes) {
    std::vector<std::vector<Row>> result(lanes.size());
    for (Lanes::LaneId id = 0; id < lanes.size(); ++id) {
        const Lane& lane = lanes.lane(id);
        for (std::size_t i = 0; i < lane.size(); ++i)
            result[id].push_back(lane.row(i));
        if (lane.open())
            result[id].push_back(lane.open()->row);
    }
    return result;
}

// First free lane, by looking at every lane of the group.
std::vector<std::vector<Row>> naive(const EventStore& store, const Lanes::Key& key) {
    std::vector<std::vector<Row>> lanes;
    std::vector<std::uint64_t> keys;
    for (Row row = 0; row < store.size(); ++row) {
        const std::uint64_t mine = key(store, store[row]);
        std::size_t lane = 0;
        for (; lane < lanes.size(); ++lane) {
            const RequestRow& last = store[lanes[lane].back()];
            if (keys[lane] == mine && !last.open() && last.end() < store[row].start)
                break;
        }
        if (lane == lanes.size()) {
            lanes.emplace_back();
            keys.push_back(mine);
        }
        lanes[lane].push_back(row);
    }
    return lanes;
}

// The members of each level are those of its state or worse, in order.
void check_levels(const Lane& lane) {
    for (std::size_t k = 0; k < Lane::levels; ++k) {
        const Lane::Level level = lane.level(k);
        std::size_t member = 0;
        for (std::size_t i = 0; i < lane.size(); ++i) {
            if (lane.state(i) < Lane::level_states[k])
                continue;
            QVERIFY(member < level.members);
            const std::size_t place = level.place(member);
            QCOMPARE(k < Lane::mark_level ? place : std::size_t{level.requests[place]}, i);
            QCOMPARE(level.times[place].start, lane.start(i));
            QCOMPARE(level.times[place].end, lane.end(i));
            ++member;
        }
        QCOMPARE(level.members, member);
        QCOMPARE(level.breaks->size(), member);
    }
}

void check(const Lanes& lanes, const EventStore& store, const Lanes::Key& key) {
    std::set<Row> seen;
    for (Lanes::LaneId id = 0; id < lanes.size(); ++id) {
        const Lane& lane = lanes.lane(id);
        const Lanes::Group& group = lanes.groups()[lane.group()];
        QVERIFY(std::count(group.lanes.begin(), group.lanes.end(), id) == 1);
        std::size_t mark = 0;
        for (std::size_t i = 0; i < lane.size(); ++i) {
            const RequestRow& row = store[lane.row(i)];
            QVERIFY(!row.open());
            QVERIFY(seen.insert(lane.row(i)).second);
            QCOMPARE(lane.start(i), row.start);
            QCOMPARE(lane.end(i), row.end());
            QVERIFY(i == 0 || lane.end(i - 1) < lane.start(i));
            QCOMPARE(key(store, row), group.key);
            const RequestState state = store.state(lane.row(i));
            QCOMPARE(lane.state(i), state);
            if (state >= RequestState::was_delayed) {
                QCOMPARE(lane.mark(mark), i);
                QCOMPARE(lane.worst_mark(mark, mark + 1).state, state);
                QCOMPARE(lane.worst_mark(mark, mark + 1).mark, mark);
                ++mark;
            }
        }
        QCOMPARE(lane.marks(), mark);
        check_levels(lane);
        if (lane.open()) {
            QVERIFY(store[lane.open()->row].open());
            QVERIFY(seen.insert(lane.open()->row).second);
            QVERIFY(lane.size() == 0 || lane.end(lane.size() - 1) < lane.open()->start);
            QCOMPARE(key(store, store[lane.open()->row]), group.key);
        }
    }
    QCOMPARE(seen.size(), std::size_t{store.size()});
}

} // namespace

class TestLanes : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void random_runs_data() {
        QTest::addColumn<unsigned>("gap");
        QTest::addColumn<unsigned>("lost_percent");
        QTest::newRow("sparse") << 20000U << 0U;
        QTest::newRow("busy") << 500U << 0U;
        QTest::newRow("times collide") << 2U << 0U;
        QTest::newRow("lost records") << 500U << 20U;
    }
    // However the records are cut into updates, the lanes are those of the naive way.
    void random_runs() {
        QFETCH(unsigned, gap);
        QFETCH(unsigned, lost_percent);
        for (unsigned seed = 1; seed <= 4; ++seed) {
            RandomRun run;
            run.gap = gap;
            run.lost_percent = lost_percent;
            const auto records = run.records(seed);
            for (const unsigned batch : {1U, 37U, 1'000'000U}) {
                EventStore store;
                Lanes lanes(by_object);
                std::size_t taken = 0;
                for (const StepRecord& record : records) {
                    store.take(record);
                    if (++taken % batch == 0)
                        lanes.update(store);
                }
                lanes.update(store);
                QVERIFY(!lanes.update(store));
                check(lanes, store, by_object);
                QCOMPARE(rows_of(lanes), naive(store, by_object));
                lanes.group_by(by_pid, store);
                check(lanes, store, by_pid);
                QCOMPARE(rows_of(lanes), naive(store, by_pid));
            }
        }
    }

    void open_keeps_its_lane() {
        EventStore store;
        Lanes lanes([](const EventStore&, const RequestRow&) { return most; });
        store.take(make_step(1, Step::arrived, 10));
        QVERIFY(lanes.update(store));
        store.take(make_step(2, Step::arrived, 1'000'000));
        lanes.update(store);
        QCOMPARE(lanes.size(), std::size_t{2});
        QCOMPARE(lanes.lane(0).open()->row, Row{0});
        store.take(make_step(1, Step::answered, 2'000'000));
        store.take(make_step(3, Step::arrived, 2'000'001));
        lanes.update(store);
        QCOMPARE(lanes.size(), std::size_t{2});
        QCOMPARE(lanes.lane(0).size(), std::size_t{1});
        QCOMPARE(lanes.lane(0).open()->row, Row{2});
        QCOMPARE(lanes.groups().size(), std::size_t{1});
        QCOMPARE(lanes.groups()[0].key, most);
    }

    void extremes() {
        EventStore store;
        Lanes lanes(by_object);
        RequestId id = 0;
        const auto one = [&](std::uint64_t start, std::uint64_t end) {
            store.take(make_step(++id, Step::arrived, start));
            store.take(make_step(id, Step::answered, end));
        };
        one(0, 0);
        one(1, most);
        one(most, most);
        one(most, 0); // ends before it starts
        one(5, 6);    // goes back in time
        lanes.update(store);
        check(lanes, store, by_object);
        QCOMPARE(rows_of(lanes), naive(store, by_object));
    }
};

QTEST_GUILESS_MAIN(TestLanes)
#include "test_lanes.moc"
