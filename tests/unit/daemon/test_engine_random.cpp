// 32 requests at a time at any ranges, with faults, delays and hands that meddle, prefetching and
// amplification besides: each is answered once, with the true bytes or an error that somebody asked
// for, and each byte that came is accounted for.
#include "tests/unit/daemon/engine_test.h"

#include <QTest>
#include <cerrno>
#include <random>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr std::uint64_t most_open = 32;
constexpr std::uint64_t all_requests = 1500;
// Of each store: small enough that requests meet, and too large to be all local soon.
constexpr std::uint64_t area = EngineRig::size;

class Storm {
public:
    explicit Storm(unsigned seed) : rig_(2), random_(seed) {
        for (ScriptedSource* source : rig_.sources)
            source->otherwise = [this] {
                return ScriptedSource::Step{random_() % (2 * millisecond),
                                            random_() % 4 == 0 ? ETIMEDOUT : 0};
            };
        rig_.asker.on_reply = [this](std::uint64_t token) { check(token); };
    }

    // False when it did not come to an end.
    bool run() {
        // Before all is local, which it soon is.
        rig_.engine.apply(control::Amplify{16384});
        rig_.engine.apply(control::Prefetch{{{0, {0, 400'000}}, {1, {0, 400'000}}}, 0});
        fill();
        tick();
        return run_until(*rig_.ring, [this] {
            fill();
            if (random_() % 4 == 0)
                turn();
            return answered_ == all_requests;
        });
    }

    std::uint64_t wrong = 0;
    std::uint64_t right = 0;
    std::uint64_t failed = 0;
    // Bytes by the events, of what was answered.
    std::uint64_t missed = 0;
    std::uint64_t amplified = 0;
    std::uint64_t prefetched = 0;

    // The end of what goes on in the background.
    [[nodiscard]] bool rest() {
        rig_.engine.apply(control::StopPrefetch{});
        const bool came = run_until(*rig_.ring, [this] {
            return std::ranges::all_of(rig_.sources, [](const ScriptedSource* source) {
                return source->on_their_way == 0;
            });
        });
        rig_.engine.settle();
        drain();
        return came;
    }

    [[nodiscard]] const EngineRig& rig() const { return rig_; }
    [[nodiscard]] bool each_once() const {
        return std::ranges::all_of(rig_.asker.replies,
                                   [](const auto& reply) { return reply.second.calls == 1; });
    }

private:
    void fill() {
        if (monotonic_now() < rests_until_)
            return;
        while (asked_ < all_requests && asked_ - answered_ < most_open)
            ask();
    }

    // One to four pieces, and what their bytes are.
    void ask() {
        const std::uint64_t token = ++asked_;
        std::vector<Piece> pieces;
        Bytes bytes;
        const auto append = [&](const Bytes& more) {
            bytes.insert(bytes.end(), more.begin(), more.end());
        };
        for (unsigned count = random_() % 3 == 0 ? 1 + random_() % 4 : 1; count > 0; --count) {
            const std::uint64_t length = 1 + random_() % (random_() % 16 == 0 ? 200'000 : 9'000);
            const std::uint64_t offset = random_() % (area - length);
            const StoreId store = random_() % 2;
            switch (random_() % 6) {
            case 0:
                pieces.push_back(zeros(length));
                append(Bytes(length));
                break;
            case 1:
                pieces.push_back(given(true_bytes(offset, length, 9)));
                append(true_bytes(offset, length, 9));
                break;
            default:
                pieces.push_back(stored(offset, length, store));
                append(true_bytes(offset, length, store));
            }
        }
        wanted_[token] = std::move(bytes);
        rig_.ask(std::move(pieces), token);
    }

    void check(std::uint64_t token) {
        ++answered_;
        const FakeAsker::Reply& reply = rig_.asker.replies[token];
        if (reply.error != 0) {
            ++failed;
            wrong += reply.error != ETIMEDOUT && reply.error != EBADMSG && reply.error != EINTR;
        } else if (reply.bytes == wanted_[token]) {
            ++right;
        } else {
            ++wrong;
        }
        wanted_.erase(token);
    }

    // A hand's turn comes also when everything is held.
    void tick() {
        turn();
        rig_.ring->after(millisecond, [this] { tick(); });
    }

    // A hand, or the listener.
    void turn() {
        rig_.engine.beat();
        const RequestId any = 1 + random_() % (asked_ + 1);
        switch (random_() % 12) {
        case 0:
            rig_.add_rule(Action::hold, 1 + random_() % 4);
            break;
        case 1:
            rig_.add_rule(Action::delay, 1 + random_() % 4, random_() % (3 * millisecond));
            break;
        case 2:
            rig_.add_rule(Action::fail, 1, 0, EBADMSG);
            break;
        case 3:
            rig_.engine.apply(control::Release{any});
            break;
        case 4:
            rig_.engine.apply(control::Delay{any, random_() % millisecond});
            break;
        case 5:
            rig_.engine.apply(control::Fail{any, EBADMSG});
            break;
        case 6:
            rig_.engine.reader_lost(any);
            break;
        case 7:
            rig_.engine.apply(control::Amplify{random_() % 2 == 0 ? 0 : 8192U << random_() % 3});
            break;
        case 8: {
            const std::uint64_t begin = random_() % area;
            rig_.engine.apply(control::Prefetch{
                {{static_cast<ObjectId>(random_() % 2), {begin, begin + random_() % 300'000}}},
                random_() % 2 == 0 ? 0U : 50'000'000U});
            break;
        }
        case 9:
            if (random_() % 4 == 0)
                rig_.engine.apply(control::StopPrefetch{});
            break;
        case 10: // nobody asks: what is prefetched has its time
            if (random_() % 2 == 0)
                rests_until_ = monotonic_now() + 6 * millisecond;
            break;
        default:
            rig_.engine.apply(control::ReleaseAll{});
        }
        drain();
    }

    void drain() {
        rig_.events.drain([this](const StepRecord& record) {
            if (record.step == coldscope::Step::fetching)
                set_off[record.request] = {record.flags, record.length};
            if (record.step == coldscope::Step::answered && record.result == 0 &&
                set_off.contains(record.request)) {
                const auto [flags, length] = set_off[record.request];
                ((flags & flag::prefetch) != 0    ? prefetched
                 : (flags & flag::amplified) != 0 ? amplified
                                                  : missed) += length;
            }
        });
    }

    EngineRig rig_;
    std::mt19937 random_;
    std::map<RequestId, std::pair<std::uint16_t, std::uint64_t>> set_off; // flags, bytes
    std::map<std::uint64_t, Bytes> wanted_; // of the open requests, by token
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
    Nanoseconds rests_until_ = 0;
};

} // namespace

class TestEngineRandom : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void storm_data() {
        QTest::addColumn<unsigned>("seed");
        for (unsigned seed = 1; seed <= 6; ++seed)
            QTest::addRow("seed %u", seed) << seed;
    }
    void storm() {
        QFETCH(unsigned, seed);
        Storm storm(seed);
        QVERIFY(storm.run());
        QCOMPARE(storm.wrong, std::uint64_t{0});
        QVERIFY(storm.each_once());
        // It has seen both, or it has tested nothing.
        QVERIFY(storm.right > all_requests / 4);
        QVERIFY(storm.failed > all_requests / 100);
        QCOMPARE(storm.rig().engine.open_requests(), std::size_t{0});
        QCOMPARE(storm.rig().engine.held_requests(), std::size_t{0});
        QVERIFY(storm.rest());
        const Engine::Traffic traffic = storm.rig().engine.traffic();
        QCOMPARE(traffic.missed + traffic.amplified + traffic.prefetched, traffic.fetched);
        std::uint64_t came = 0;
        for (const ScriptedSource* source : storm.rig().sources) {
            for (const ScriptedSource::Fetched& one : source->fetched)
                came += one.error == 0 ? one.range.length() : 0;
        }
        QCOMPARE(traffic.fetched, came);
        QCOMPARE(traffic.prefetched, storm.prefetched);
        QCOMPARE(traffic.amplified, storm.amplified);
        // Of a request that failed, some pieces may have come.
        QVERIFY(traffic.missed >= storm.missed);
        QVERIFY(traffic.amplified > 0);
        QVERIFY(traffic.prefetched > 0);
        QVERIFY(traffic.unused < traffic.fetched);
        // A byte that has come once is local, and never fetched again.
        for (const ScriptedSource* source : storm.rig().sources)
            QCOMPARE(source->most_often_fetched(), 1U);
    }
};

QTEST_GUILESS_MAIN(TestEngineRandom)
#include "test_engine_random.moc"
