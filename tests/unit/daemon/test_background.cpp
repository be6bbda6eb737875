// What is fetched though nobody asked: prefetching below misses, amplification around them.
#include "tests/unit/daemon/engine_test.h"

#include <QTest>
#include <cerrno>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr std::uint64_t piece = Background::piece;

control::Prefetch everything(std::uint64_t rate = 0, StoreId store = 0) {
    return {{{store, {0, ~std::uint64_t{0}}}}, rate};
}

bool is_local(const EngineRig& rig, Range range, StoreId store = 0) {
    return rig.engine.store(store).cache().local().contains(range);
}

bool told(const std::vector<StepRecord>& records, Notice what) {
    return EngineRig::notices(records, what) == 1;
}

// The rig's records so far, up to a notice; none when it did not come.
std::vector<StepRecord> until(EngineRig& rig, Notice what) {
    std::vector<StepRecord> records;
    const bool came = run_until(*rig.ring, [&] {
        for (const StepRecord& record : rig.drain())
            records.push_back(record);
        return told(records, what);
    });
    return came ? records : std::vector<StepRecord>{};
}

std::vector<StepRecord> arrivals(const std::vector<StepRecord>& records, std::uint16_t flags) {
    std::vector<StepRecord> result;
    for (const StepRecord& record : records) {
        if (record.step == coldscope::Step::arrived && (record.flags & flags) != 0)
            result.push_back(record);
    }
    return result;
}

} // namespace

class TestBackground : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everything_once() {
        for (const bool at_once : {false, true}) {
            EngineRig rig(2);
            for (ScriptedSource* source : rig.sources)
                source->at_once = at_once;
            rig.engine.apply(control::Prefetch{
                {{0, {0, ~std::uint64_t{0}}}, {1, {5000, 300'000}}, {7, {0, 10}}}, 0});
            const auto records = until(rig, Notice::prefetch_done);
            QVERIFY(!records.empty());
            QVERIFY(is_local(rig, {0, EngineRig::size}));
            QVERIFY(is_local(rig, {5000, 300'000}, 1));
            QVERIFY(!is_local(rig, {0, 1}, 1));
            for (const ScriptedSource* source : rig.sources)
                QCOMPARE(source->most_often_fetched(), 1U);
            std::uint64_t bytes = 0;
            for (const StepRecord& arrival : arrivals(records, flag::prefetch)) {
                bytes += arrival.length;
                QVERIFY(arrival.length <= piece);
                QCOMPARE(arrival.pid, 0U);
                QCOMPARE(arrival.op, Op::read);
                QCOMPARE(EngineRig::steps(records, arrival.request),
                         std::string("arrived fetching filling answered"));
                QCOMPARE(EngineRig::at(records, arrival.request, Step::fetching).length,
                         arrival.length);
            }
            const Engine::Traffic traffic = rig.engine.traffic();
            QCOMPARE(traffic.prefetched, bytes);
            QCOMPARE(traffic.fetched, bytes);
            QCOMPARE(traffic.unused, bytes);
            // Readers find it there, and it is used then.
            rig.ask({stored(4096, 8192)}, 1);
            QVERIFY(rig.asker.replies[1].bytes == true_bytes(4096, 8192));
            QCOMPARE(rig.engine.traffic().unused, bytes - 8192);
        }
    }

    // What is on its way is bounded, and no more is begun while a miss waits.
    void below_misses() {
        EngineRig rig(2);
        bool miss_waits = false;
        std::uint64_t begun = 0;
        std::size_t most = 0;
        rig.sources[1]->otherwise = [&] {
            if (miss_waits)
                ++begun;
            most = std::max(most, rig.sources[1]->on_their_way + 1);
            return ScriptedSource::Step{5 * millisecond, 0};
        };
        rig.sources[0]->otherwise = [] { return ScriptedSource::Step{30 * millisecond, 0}; };
        rig.asker.on_reply = [&](std::uint64_t) { miss_waits = false; };
        rig.engine.apply(everything(0, 1));
        QVERIFY(run_until(*rig.ring, [&] { return rig.sources[1]->fetched.size() >= 10; }));
        miss_waits = true;
        rig.ask({stored(0, 4096)}, 1);
        QVERIFY(rig.replied(1));
        QCOMPARE(begun, std::uint64_t{0});
        QVERIFY(!until(rig, Notice::prefetch_done).empty());
        QVERIFY(most <= Background::most_in_flight / piece);
        QVERIFY(most > 1);
        QVERIFY(is_local(rig, {0, EngineRig::size}, 1));
    }

    // Held requests fetch nothing: the hand that holds one does not stop what goes on behind it.
    void goes_on_while_one_is_held() {
        EngineRig rig;
        rig.add_rule(Action::hold, 1);
        const RequestId held = rig.ask({stored(0, 4096)}, 1);
        rig.engine.apply(everything());
        QVERIFY(!until(rig, Notice::prefetch_done).empty());
        rig.engine.apply(control::Release{held});
        QVERIFY(rig.asker.replies[1].bytes == true_bytes(0, 4096));
        QVERIFY(EngineRig::at(rig.drain(), held, Step::answered).flags & flag::refault);
        QCOMPARE(rig.sources[0]->most_often_fetched(), 1U);
    }

    void rules_do_not_see_it() {
        EngineRig rig;
        rig.add_rule(Action::hold);
        rig.add_rule(Action::fail, 0, 0, EIO);
        rig.engine.apply(everything());
        QVERIFY(!until(rig, Notice::prefetch_done).empty());
        QCOMPARE(rig.engine.held_requests(), std::size_t{0});
        QVERIFY(is_local(rig, {0, EngineRig::size}));
    }

    void a_miss_joins() {
        EngineRig rig;
        rig.sources[0]->otherwise = [] { return ScriptedSource::Step{20 * millisecond, 0}; };
        rig.engine.apply(control::Prefetch{{{0, {0, piece}}}, 0});
        QCOMPARE(rig.sources[0]->fetched.size(), std::size_t{1});
        const RequestId id = rig.ask({stored(8192, 4096)}, 1);
        QVERIFY(rig.replied(1));
        QVERIFY(rig.asker.replies[1].bytes == true_bytes(8192, 4096));
        const auto records = rig.drain();
        QVERIFY(EngineRig::at(records, id, Step::answered).flags & flag::joined);
        QCOMPARE(EngineRig::at(records, id, Step::fetching).length, std::uint64_t{0});
        QCOMPARE(rig.sources[0]->fetched.size(), std::size_t{1});
        QCOMPARE(rig.engine.traffic().prefetched, piece);
        QCOMPARE(rig.engine.traffic().missed, std::uint64_t{0});
        QCOMPARE(rig.engine.traffic().unused, piece - 4096);
    }

    // Pieces begin no closer to each other than the rate says; they may be later.
    void rate() {
        EngineRig rig;
        constexpr std::uint64_t bytes_a_second = 16 << 20;
        rig.sources[0]->at_once = true;
        const Nanoseconds before = monotonic_now();
        rig.engine.apply(control::Prefetch{{{0, {0, 8 * piece}}}, bytes_a_second});
        const auto begun = arrivals(until(rig, Notice::prefetch_done), flag::prefetch);
        QCOMPARE(begun.size(), std::size_t{8});
        const Nanoseconds between = piece * second / bytes_a_second;
        for (std::size_t i = 1; i < begun.size(); ++i)
            QVERIFY(begun[i].time >= before + i * between);
    }

    void stopped_by_hand() {
        EngineRig rig;
        rig.sources[0]->otherwise = [] { return ScriptedSource::Step{2 * millisecond, 0}; };
        rig.engine.apply(everything());
        QVERIFY(run_until(*rig.ring, [&] { return rig.sources[0]->fetched.size() >= 4; }));
        rig.engine.apply(control::StopPrefetch{});
        const std::size_t begun = rig.sources[0]->fetched.size();
        QVERIFY(run_until(*rig.ring, [&] { return rig.sources[0]->on_their_way == 0; }));
        run_for(*rig.ring, 5 * millisecond);
        QCOMPARE(rig.sources[0]->fetched.size(), begun);
        auto records = rig.drain();
        QVERIFY(told(records, Notice::prefetch_stopped));
        QVERIFY(!told(records, Notice::prefetch_done));
        // Another begins where it is wanted.
        rig.engine.apply(everything());
        QVERIFY(!until(rig, Notice::prefetch_done).empty());
        QVERIFY(is_local(rig, {0, EngineRig::size}));
        QCOMPARE(rig.sources[0]->most_often_fetched(), 1U);
    }

    void a_failed_piece_is_left_out() {
        EngineRig rig;
        rig.sources[0]->script = {{0, 0}, {0, EIO}, {0, 0}};
        rig.engine.apply(control::Prefetch{{{0, {0, 4 * piece}}}, 0});
        const auto records = until(rig, Notice::prefetch_stopped);
        QVERIFY(!records.empty());
        QVERIFY(is_local(rig, {0, piece}));
        QVERIFY(!is_local(rig, {piece, piece + 1}));
        QVERIFY(is_local(rig, {2 * piece, 4 * piece}));
        const auto begun = arrivals(records, flag::prefetch);
        QCOMPARE(EngineRig::at(records, begun[1].request, Step::answered).result, EIO);
        // A reader that needs it has it tried again.
        rig.ask({stored(piece, 4096)}, 1);
        QVERIFY(rig.replied(1));
        QVERIFY(rig.asker.replies[1].bytes == true_bytes(piece, 4096));
    }

    void a_source_that_fails_ends_it() {
        EngineRig rig;
        rig.sources[0]->otherwise = [] { return ScriptedSource::Step{0, EIO}; };
        rig.engine.apply(everything());
        QVERIFY(!until(rig, Notice::prefetch_stopped).empty());
        QVERIFY(run_until(*rig.ring, [&] { return rig.sources[0]->on_their_way == 0; }));
        QVERIFY(rig.sources[0]->fetched.size() <
                Background::most_failures + 2 * Background::most_in_flight / piece);
    }

    void a_run_that_ends() {
        EngineRig rig;
        rig.sources[0]->otherwise = [] { return ScriptedSource::Step{20 * millisecond, 0}; };
        rig.engine.apply(everything());
        rig.engine.wind_down();
        const auto records = rig.drain();
        const auto begun = arrivals(records, flag::prefetch);
        QVERIFY(!begun.empty());
        for (const StepRecord& arrival : begun)
            QCOMPARE(EngineRig::steps(records, arrival.request),
                     std::string("arrived fetching lost"));
        QVERIFY(run_until(*rig.ring, [&] { return rig.sources[0]->on_their_way == 0; }));
        QCOMPARE(rig.sources[0]->fetched.size(), begun.size());
        QCOMPARE(EngineRig::notices(rig.drain(), Notice::prefetch_done), std::size_t{0});
    }

    void amplified_data() {
        QTest::addColumn<quint64>("size");
        QTest::addColumn<quint64>("offset");
        QTest::addColumn<quint64>("length");
        QTest::addColumn<quint64>("begin"); // of what is local then
        QTest::addColumn<quint64>("end");
        const quint64 all = EngineRig::size;
        QTest::addRow("off") << quint64{0} << quint64{8192} << quint64{4096} << quint64{8192}
                             << quint64{12288};
        QTest::addRow("around") << quint64{65536} << quint64{8192} << quint64{4096} << quint64{0}
                                << quint64{65536};
        QTest::addRow("at the block's begin") << quint64{65536} << quint64{65536} << quint64{4096}
                                              << quint64{65536} << quint64{131072};
        QTest::addRow("over two blocks")
            << quint64{65536} << quint64{61440} << quint64{8192} << quint64{0} << quint64{131072};
        QTest::addRow("at the object's end")
            << quint64{16 << 20} << all - 4096 << quint64{4096} << quint64{0} << all;
        QTest::addRow("a granule")
            << quint64{4096} << quint64{5000} << quint64{100} << quint64{4096} << quint64{8192};
    }
    void amplified() {
        QFETCH(quint64, size);
        QFETCH(quint64, offset);
        QFETCH(quint64, length);
        QFETCH(quint64, begin);
        QFETCH(quint64, end);
        for (const bool at_once : {false, true}) {
            EngineRig rig;
            rig.sources[0]->at_once = at_once;
            rig.engine.apply(control::Amplify{size});
            const RequestId id = rig.ask({stored(offset, length)}, 1);
            QVERIFY(rig.replied(1));
            QVERIFY(run_until(*rig.ring, [&] { return rig.sources[0]->on_their_way == 0; }));
            rig.engine.settle();
            QVERIFY(rig.asker.replies[1].bytes == true_bytes(offset, length));
            QCOMPARE(rig.engine.store(0).cache().local().all(), (std::vector<Range>{{begin, end}}));
            QCOMPARE(rig.sources[0]->most_often_fetched(), 1U);
            const auto records = rig.drain();
            std::uint64_t around = 0;
            for (const StepRecord& arrival : arrivals(records, flag::amplified)) {
                around += arrival.length;
                QCOMPARE(EngineRig::steps(records, arrival.request),
                         std::string("arrived fetching filling answered"));
            }
            const Engine::Traffic traffic = rig.engine.traffic();
            QCOMPARE(traffic.amplified, around);
            QCOMPARE(traffic.missed, EngineRig::at(records, id, Step::fetching).length);
            QCOMPARE(traffic.missed + traffic.amplified, end - begin);
            QCOMPARE(traffic.fetched, end - begin);
            QCOMPARE(traffic.unused, end - begin - length);
            // What it brought is there for the next.
            rig.ask({stored(begin, 4096)}, 2);
            QCOMPARE(rig.asker.replies[2].calls, 1);
        }
    }

    // A refault and a miss that joins set nothing off.
    void amplified_by_misses_alone() {
        EngineRig rig;
        rig.ask({stored(0, 4096)}, 1);
        QVERIFY(rig.replied(1));
        rig.engine.apply(control::Amplify{65536});
        rig.ask({stored(0, 4096)}, 2);
        QVERIFY(rig.replied(2));
        QCOMPARE(rig.sources[0]->fetched.size(), std::size_t{1});
    }

    void a_failed_part_fails_no_miss() {
        EngineRig rig;
        rig.sources[0]->script = {{2 * millisecond, 0}, {0, EIO}, {0, EIO}};
        rig.engine.apply(control::Amplify{65536});
        rig.ask({stored(8192, 4096)}, 1);
        QVERIFY(rig.replied(1));
        QCOMPARE(rig.asker.replies[1].error, 0);
        QVERIFY(rig.asker.replies[1].bytes == true_bytes(8192, 4096));
        const auto records = rig.drain();
        const auto around = arrivals(records, flag::amplified);
        QCOMPARE(around.size(), std::size_t{2});
        for (const StepRecord& arrival : around)
            QCOMPARE(EngineRig::at(records, arrival.request, Step::answered).result, EIO);
        const Engine::Traffic traffic = rig.engine.traffic();
        QCOMPARE(traffic.fetched, std::uint64_t{4096});
        QCOMPARE(traffic.amplified, std::uint64_t{0});
    }

    // The miss comes no later for what is fetched beside it.
    void a_slow_part_delays_no_miss() {
        EngineRig rig;
        rig.sources[0]->script = {{0, 0}, {20 * millisecond, 0}, {20 * millisecond, 0}};
        rig.engine.apply(control::Amplify{65536});
        std::size_t left = 0; // when it is answered
        rig.asker.on_reply = [&](std::uint64_t) { left = rig.sources[0]->on_their_way; };
        rig.ask({stored(8192, 4096)}, 1);
        QVERIFY(rig.replied(1));
        QCOMPARE(left, std::size_t{2});
        QVERIFY(run_until(*rig.ring, [&] { return rig.sources[0]->on_their_way == 0; }));
    }
};

QTEST_GUILESS_MAIN(TestBackground)
#include "test_background.moc"
