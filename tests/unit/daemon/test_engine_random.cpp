// 32 requests at a time at any ranges, with faults, delays and hands that meddle: each is answered
// once, with the true bytes or an error that somebody asked for.
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

    [[nodiscard]] const EngineRig& rig() const { return rig_; }
    [[nodiscard]] bool each_once() const {
        return std::ranges::all_of(rig_.asker.replies,
                                   [](const auto& reply) { return reply.second.calls == 1; });
    }

private:
    void fill() {
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
        switch (random_() % 8) {
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
        default:
            rig_.engine.apply(control::ReleaseAll{});
        }
        rig_.events.drain([](const StepRecord&) {});
    }

    EngineRig rig_;
    std::mt19937 random_;
    std::map<std::uint64_t, Bytes> wanted_; // of the open requests, by token
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
};

} // namespace

class TestEngineRandom : public QObject {
    Q_OBJECT
private slots:
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
        // A byte that has come once is local, and never fetched again.
        for (const ScriptedSource* source : storm.rig().sources)
            QCOMPARE(source->most_often_fetched(), 1U);
    }
};

QTEST_GUILESS_MAIN(TestEngineRandom)
#include "test_engine_random.moc"
