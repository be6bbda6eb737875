#include "core/request/event_store.h"
#include "tests/unit/request/random_run.h"

#include <QTest>
#include <limits>
#include <map>

using namespace coldscope;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

// What a view knows that looks at changes alone.
struct Mirror {
    ChangeMark mark;
    std::vector<RequestState> states;
    std::vector<unsigned> told_ended;

    void update(EventStore& store) {
        const Changes changes = store.changes_since(mark);
        QCOMPARE(std::size_t{changes.first_new}, states.size());
        QVERIFY(std::is_sorted(changes.changed.begin(), changes.changed.end()));
        states.resize(changes.end);
        told_ended.resize(changes.end);
        const auto take = [&](Row row) {
            states[row] = store.state(row);
            told_ended[row] += !store[row].open();
        };
        for (const Row row : changes.changed) {
            QVERIFY(row < changes.first_new);
            take(row);
        }
        for (Row row = changes.first_new; row < changes.end; ++row)
            take(row);
    }

    void check(EventStore& store) {
        QCOMPARE(states.size(), std::size_t{store.size()});
        for (Row row = 0; row < store.size(); ++row) {
            QCOMPARE(states[row], store.state(row));
            QCOMPARE(told_ended[row], store[row].open() ? 0U : 1U);
        }
    }
};

} // namespace

class TestEventStore : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whole_life() {
        EventStore store;
        QCOMPARE(store.take(make_step(1, Step::arrived, 100)), std::optional<Row>(0));
        QCOMPARE(store.state(0), RequestState::asked);
        StepRecord matched = make_step(1, Step::matched, 101);
        matched.result = 7;
        store.take(matched);
        store.take(make_step(1, Step::held, 102));
        QCOMPARE(store.state(0), RequestState::held);
        store.take(make_step(1, Step::delayed, 110));
        QCOMPARE(store.state(0), RequestState::delayed);
        StepRecord fetching = make_step(1, Step::fetching, 120);
        fetching.length = 65536;
        store.take(fetching);
        QCOMPARE(store.state(0), RequestState::fetching);
        store.take(make_step(1, Step::filling, 130));
        QCOMPARE(store.state(0), RequestState::filling);
        QCOMPARE(store.open_rows().size(), std::size_t{1});
        store.take(make_step(1, Step::answered, 140));
        QCOMPARE(store.state(0), RequestState::was_held);
        QVERIFY(store.open_rows().empty());
        const Request request = store.request(0);
        QCOMPARE(request.arrived, Nanoseconds{100});
        QCOMPARE(request.held, Nanoseconds{102});
        QCOMPARE(request.delayed, Nanoseconds{110});
        QCOMPARE(request.fetching, Nanoseconds{120});
        QCOMPARE(request.filling, Nanoseconds{130});
        QCOMPARE(request.ended, Nanoseconds{140});
        QCOMPARE(request.length, std::uint64_t{4096});
        QCOMPARE(request.fetched, std::uint64_t{65536});
        QCOMPARE(request.command, std::string("cat"));
        QCOMPARE(request.pid, 42U);
        QCOMPARE(store[0].rule, 7);
        QCOMPARE(store[0].matched, Nanoseconds{101});
        QCOMPARE(store.earliest(), Nanoseconds{100});
        QCOMPARE(store.latest(), Nanoseconds{140});
        QCOMPARE(store.summary().held, std::uint64_t{1});
    }

    void first_records_lost() {
        EventStore store;
        StepRecord fetching = make_step(9, Step::fetching, 50);
        fetching.length = 1 << 20;
        store.take(fetching);
        QCOMPARE(store[0].start, Nanoseconds{50});
        QCOMPARE(store[0].arrived(), Nanoseconds{0});
        QVERIFY(store[0].arrival_lost);
        QCOMPARE(store[0].length, std::uint64_t{0});
        store.take(make_step(9, Step::arrived, 55)); // too late to be true
        QCOMPARE(store.state(0), RequestState::fetching);
        store.take(make_step(9, Step::answered, 60));
        QCOMPARE(store[0].length, std::uint64_t{4096}); // the later steps know it
        QCOMPARE(store[0].fetched, std::uint64_t{1} << 20);
        QCOMPARE(store.find(9), std::optional<Row>(0));
        QVERIFY(!store.find(8));
        QVERIFY(!store.find(0));
        QCOMPARE(store.summary().requests, std::uint64_t{1});
        QCOMPARE(store.summary().max, Nanoseconds{0});
    }

    void steps_after_the_end() {
        EventStore store;
        store.take(make_step(1, Step::arrived, 1));
        store.take(make_step(1, Step::lost, 2));
        QVERIFY(!store.take(make_step(1, Step::answered, 3)));
        QCOMPARE(store.stray(), std::uint64_t{1});
        QCOMPARE(store.state(0), RequestState::lost);
        QCOMPARE(store.take(make_step(1, Step::arrived, 4)), std::optional<Row>(1));
        QCOMPARE(store.find(1), std::optional<Row>(1));
        QCOMPARE(store[0].ended, Nanoseconds{2});
        QVERIFY(!store.take(make_step(0, Step::notice, 5)));
        QVERIFY(!store.take(make_step(3, static_cast<Step>(200), 5)));
        QCOMPARE(store.size(), 2U);
    }

    void any_number() {
        EventStore store;
        const std::vector<RequestId> ids{1, most, 2, std::uint64_t{1} << 40, 0, 70'000, 4095, 4096};
        for (const RequestId id : ids)
            QVERIFY(store.take(make_step(id, Step::arrived, most - 1)));
        for (std::size_t i = 0; i < ids.size(); ++i)
            QCOMPARE(store.find(ids[i]), std::optional<Row>(static_cast<Row>(i)));
        StepRecord record = make_step(most, Step::fetching, most);
        record.length = most;
        record.offset = most;
        store.take(record);
        store.take(make_step(most, Step::answered, 0)); // before its start
        QCOMPARE(store[1].end(), most - 1);
        QCOMPARE(store[1].fetched, most);
        QCOMPARE(store.latest(), most);
        // One that was kept aside stays findable when the others have come up to it.
        for (RequestId id = 5000; id < 70'000; ++id)
            store.take(make_step(id, Step::arrived, 1));
        QCOMPARE(store.find(70'000), std::optional<Row>(5));
        QCOMPARE(store[*store.find(69'999)].id, RequestId{69'999});
        store.take(make_step(70'000, Step::answered, 2));
        store.take(make_step(70'000, Step::arrived, 3));
        QCOMPARE(store.find(70'000), std::optional<Row>(store.size() - 1));
    }

    void references_stay() {
        EventStore store;
        store.take(make_step(1, Step::arrived, 1));
        const RequestRow* first = &store[0];
        for (RequestId id = 2; id < 20'000; ++id)
            store.take(make_step(id, Step::arrived, id));
        QCOMPARE(first, &store[0]);
        store.take(make_step(1, Step::answered, 30'000));
        QCOMPARE(first->ended, Nanoseconds{30'000});
    }

    void readers_are_interned() {
        EventStore store;
        for (RequestId id = 1; id <= 100; ++id) {
            StepRecord record = make_step(id, Step::arrived, id);
            record.pid = static_cast<std::uint32_t>(id % 3);
            if (id % 2 == 0)
                record.command.fill('x');
            else
                record.command[10] = static_cast<char>(id); // behind its end
            store.take(record);
        }
        QCOMPARE(store.readers(), std::size_t{6});
        QCOMPARE(store.reader(store[0]).name(), std::string_view("cat"));
        QCOMPARE(store.reader(store[1]).name(), std::string_view("xxxxxxxxxxxxxxxx"));
        QCOMPARE(store.reader(store[4]).pid, 2U);
    }

    void changes_data() {
        QTest::addColumn<unsigned>("lost_percent");
        QTest::newRow("all records") << 0U;
        QTest::newRow("some lost") << 10U;
        QTest::newRow("most lost") << 70U;
    }
    // Three views that ask at different times all end up with the whole truth, and the store with
    // what the requests' records say.
    void changes() {
        QFETCH(unsigned, lost_percent);
        for (unsigned seed = 1; seed <= 5; ++seed) {
            RandomRun run;
            run.requests = 3000;
            run.lost_percent = lost_percent;
            const auto records = run.records(seed);
            std::mt19937 random(seed);
            EventStore store;
            std::array<Mirror, 3> views;
            std::map<RequestId, std::vector<StepRecord>> by_id;
            for (const StepRecord& record : records) {
                QVERIFY(store.take(record));
                by_id[record.request].push_back(record);
                for (std::size_t i = 0; i < views.size(); ++i) {
                    if (random() % (10 * (i * i * 20 + 1)) == 0)
                        views[i].update(store);
                }
            }
            std::size_t open = 0;
            QCOMPARE(std::size_t{store.size()}, by_id.size());
            for (const auto& [id, steps] : by_id) {
                const RequestRow& row = store[*store.find(id)];
                QCOMPARE(row.id, id);
                QCOMPARE(row.start, steps.front().time);
                QCOMPARE(row.last, steps.back().step);
                QCOMPARE(row.arrival_lost, steps.front().step != Step::arrived);
                open += row.open();
            }
            QCOMPARE(store.open_rows().size(), open);
            for (const Row row : store.open_rows())
                QVERIFY(store[row].open());
            for (Mirror& view : views) {
                view.update(store);
                view.check(store);
                QVERIFY(store.changes_since(view.mark).empty());
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestEventStore)
#include "test_event_store.moc"
