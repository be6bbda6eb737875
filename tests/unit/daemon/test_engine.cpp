// The life of a request that nothing keeps waiting.
#include "tests/unit/daemon/engine_test.h"

#include <QTest>
#include <atomic>
#include <cerrno>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

class TestEngine : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void steps_and_fields() {
        EngineRig rig;
        const Nanoseconds before = monotonic_now();
        const RequestId id = rig.ask({stored(5000, 1000)}, 77);
        QVERIFY(rig.replied(1));
        QCOMPARE(rig.asker.replies[77].calls, 1);
        QCOMPARE(rig.asker.replies[77].error, 0);
        QVERIFY(rig.asker.replies[77].bytes == true_bytes(5000, 1000));
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, id),
                 std::string("arrived matched fetching filling answered"));
        Nanoseconds last = before;
        for (const StepRecord& record : records) {
            QCOMPARE(record.request, id);
            QCOMPARE(record.object, 0U);
            QCOMPARE(record.op, Op::read);
            QCOMPARE(record.pid, EngineRig::foreign);
            QCOMPARE(record.offset, std::uint64_t{5000});
            QCOMPARE(record.result, 0);
            QCOMPARE(record.flags, std::uint16_t{0});
            QVERIFY(record.time >= last);
            last = record.time;
            const bool fetching = record.step == Step::fetching;
            QCOMPARE(record.length,
                     fetching ? rig.engine.store(0).cache().granule() : std::uint64_t{1000});
        }
        QCOMPARE(rig.engine.open_requests(), std::size_t{0});
    }

    void numbers_count_up() {
        EngineRig rig;
        for (RequestId id = 1; id <= 3; ++id)
            QCOMPARE(rig.ask({stored(0, 10)}, id), id);
        QVERIFY(rig.replied(3));
    }

    void refault() {
        EngineRig rig;
        rig.ask({stored(0, 4096)}, 1);
        QVERIFY(rig.replied(1));
        rig.drain();
        const RequestId id = rig.ask({stored(100, 200)}, 2);
        QCOMPARE(rig.asker.replies[2].calls, 1); // without waiting
        QVERIFY(rig.asker.replies[2].bytes == true_bytes(100, 200));
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, id), std::string("arrived matched answered"));
        QVERIFY(records.back().flags & flag::refault);
        QCOMPARE(rig.sources[0]->fetched.size(), std::size_t{1});
    }

    void joined() {
        EngineRig rig;
        rig.sources[0]->script = {{20 * millisecond, 0}};
        const RequestId first = rig.ask({stored(0, 4096)}, 1);
        const RequestId second = rig.ask({stored(100, 200)}, 2);
        QVERIFY(rig.replied(2));
        const auto records = rig.drain();
        QVERIFY(!(EngineRig::at(records, first, Step::answered).flags & flag::joined));
        QVERIFY(EngineRig::at(records, second, Step::answered).flags & flag::joined);
        QCOMPARE(EngineRig::at(records, second, Step::fetching).length, std::uint64_t{0});
        QCOMPARE(EngineRig::steps(records, second),
                 std::string("arrived matched fetching filling answered"));
        QCOMPARE(rig.sources[0]->fetched.size(), std::size_t{1});
    }

    // The answer is made on another thread, of the pieces in order; what goes wrong there fails the
    // request.
    void decoded_on_another_thread() {
        EngineRig rig;
        const auto ask = [&](auto decode, std::uint64_t token) {
            Ask question;
            question.length = 5;
            question.pid = EngineRig::foreign;
            question.pieces = {stored(5000, 1000), zeros(10)};
            question.decode = decode;
            return rig.engine.ask(std::move(question), rig.asker, token);
        };
        Bytes wanted = true_bytes(5000, 1000);
        wanted.resize(1010);
        const std::thread::id here = std::this_thread::get_id();
        const RequestId good = ask(
            [&](std::span<const std::byte> bytes) -> Result<Bytes> {
                if (std::this_thread::get_id() == here || !std::ranges::equal(bytes, wanted))
                    return failure(Code::invalid, "not what was asked for");
                return Bytes(5, std::byte{7});
            },
            1);
        const RequestId bad = ask(
            [](std::span<const std::byte>) -> Result<Bytes> {
                return failure(Code::corrupt, "it does not decode");
            },
            2);
        QVERIFY(rig.replied(2));
        QCOMPARE(rig.asker.replies[1].error, 0);
        QCOMPARE(rig.asker.replies[1].bytes, Bytes(5, std::byte{7}));
        QCOMPARE(rig.asker.replies[2].error, to_errno({.code = Code::corrupt}));
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, good),
                 std::string("arrived matched fetching filling answered"));
        QCOMPARE(EngineRig::at(records, bad, Step::answered).result,
                 to_errno({.code = Code::corrupt}));
    }

    // Whoever fails a request meanwhile is not kept waiting, and the answer goes to nobody.
    void failed_while_it_is_decoded() {
        EngineRig rig;
        std::atomic<bool> go = false;
        Ask question;
        question.pid = EngineRig::foreign;
        question.pieces = {zeros(10)};
        question.decode = [&](std::span<const std::byte>) -> Result<Bytes> {
            go.wait(false);
            return Bytes(1);
        };
        rig.engine.ask(std::move(question), rig.asker, 1);
        QCOMPARE(rig.asker.replies.size(), std::size_t{0});
        rig.engine.fail_all(ENOSPC);
        QCOMPARE(rig.asker.replies[1].error, ENOSPC);
        go = true;
        go.notify_all();
        rig.ask({stored(0, 10)}, 2);
        QVERIFY(rig.replied(2));
        QCOMPARE(rig.asker.replies[1].calls, 1);
    }

    // A fetch that fails fails its request, and neither others nor a second try.
    void failed_fetch() {
        EngineRig rig;
        rig.sources[0]->script = {{millisecond, ETIMEDOUT}};
        const RequestId bad = rig.ask({stored(0, 4096)}, 1);
        const RequestId good = rig.ask({stored(1 << 20, 4096)}, 2);
        QVERIFY(rig.replied(2));
        QCOMPARE(rig.asker.replies[1].error, ETIMEDOUT);
        QVERIFY(rig.asker.replies[2].bytes == true_bytes(1 << 20, 4096));
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, bad), std::string("arrived matched fetching answered"));
        QCOMPARE(EngineRig::at(records, bad, Step::answered).result, ETIMEDOUT);
        QCOMPARE(EngineRig::at(records, good, Step::answered).result, 0);
        rig.ask({stored(0, 4096)}, 3);
        QVERIFY(rig.replied(3));
        QVERIFY(rig.asker.replies[3].bytes == true_bytes(0, 4096));
    }

    void pieces() {
        for (const bool at_once : {false, true}) {
            EngineRig rig(2);
            for (ScriptedSource* source : rig.sources)
                source->at_once = at_once;
            // The second store is quicker: pieces come in another order than they stand.
            rig.sources[0]->otherwise = [] { return ScriptedSource::Step{10 * millisecond, 0}; };
            const Bytes tail = true_bytes(9, 33, 9);
            const RequestId id = rig.ask({stored(4000, 200), zeros(100), stored(77, 5000, 1),
                                          given(tail), stored(2 << 20, 50), zeros(0)},
                                         1);
            QVERIFY(rig.replied(1));
            Bytes wanted = true_bytes(4000, 200);
            const auto append = [&](const Bytes& bytes) {
                wanted.insert(wanted.end(), bytes.begin(), bytes.end());
            };
            append(Bytes(100));
            append(true_bytes(77, 5000, 1));
            append(tail);
            append(true_bytes(2 << 20, 50));
            QCOMPARE(rig.asker.replies[1].calls, 1);
            QVERIFY(rig.asker.replies[1].bytes == wanted);
            auto records = rig.drain();
            QCOMPARE(EngineRig::steps(records, id),
                     std::string("arrived matched fetching filling answered"));
            std::uint64_t fetched = 0;
            for (const ScriptedSource* source : rig.sources) {
                for (const auto& one : source->fetched)
                    fetched += one.range.length();
            }
            QCOMPARE(EngineRig::at(records, id, Step::fetching).length, fetched);
            // Everything is local now.
            const RequestId again = rig.ask({stored(4000, 200), stored(77, 5000, 1)}, 2);
            QCOMPARE(rig.asker.replies[2].calls, 1);
            records = rig.drain();
            QCOMPARE(EngineRig::steps(records, again), std::string("arrived matched answered"));
            QVERIFY(EngineRig::at(records, again, Step::answered).flags & flag::refault);
        }
    }

    void pieces_without_a_store() {
        EngineRig rig;
        rig.ask({zeros(5)}, 1);
        rig.ask({}, 2);
        rig.ask({given(true_bytes(0, 3))}, 3);
        QVERIFY(rig.asker.replies[1].bytes == Bytes(5));
        QCOMPARE(rig.asker.replies[2].calls, 1);
        QVERIFY(rig.asker.replies[2].bytes.empty());
        QVERIFY(rig.asker.replies[3].bytes == true_bytes(0, 3));
        QVERIFY(rig.sources[0]->fetched.empty());
    }

    void one_failed_piece_fails_the_whole_once() {
        EngineRig rig(2);
        rig.sources[0]->script = {{millisecond, EIO}};
        rig.sources[1]->script = {{10 * millisecond, ENOSPC}};
        const RequestId id = rig.ask({stored(0, 100), zeros(5), stored(0, 100, 1)}, 1);
        QVERIFY(run_until(*rig.ring, [&] { return rig.sources[1]->on_their_way == 0; }));
        QCOMPARE(rig.asker.replies[1].calls, 1);
        QCOMPARE(rig.asker.replies[1].error, EIO);
        QCOMPARE(EngineRig::steps(rig.drain(), id),
                 std::string("arrived matched fetching answered"));
    }

    // The disk gives back nothing of what was local: fetched again, unseen by the reader.
    void unreadable_cache_is_fetched_again() {
        for (const bool several : {false, true}) {
            EngineRig rig;
            rig.ask({stored(0, 16384)}, 1);
            QVERIFY(rig.replied(1));
            rig.drain();
            rig.engine.settle();
            QCOMPARE(truncate(rig.engine.store(0).cache().path().c_str(), 0), 0);
            std::vector<Piece> pieces{stored(0, 8192)};
            if (several)
                pieces.push_back(zeros(10));
            const RequestId id = rig.ask(std::move(pieces), 2);
            QVERIFY(rig.replied(2));
            QCOMPARE(rig.asker.replies[2].error, 0);
            Bytes wanted = true_bytes(0, 8192);
            wanted.resize(several ? 8202 : 8192);
            QVERIFY(rig.asker.replies[2].bytes == wanted);
            const auto records = rig.drain();
            QCOMPARE(EngineRig::steps(records, id),
                     std::string("arrived matched fetching filling answered"));
            QVERIFY(!(EngineRig::at(records, id, Step::answered).flags & flag::refault));
        }
    }

    void own_requests() {
        EngineRig rig;
        const auto self = static_cast<std::uint32_t>(syscall(SYS_gettid));
        rig.ask({stored(0, 10)}, 1, self);
        rig.ask({stored(0, 10)}, 2, EngineRig::foreign);
        rig.ask({stored(0, 10)}, 3, 0); // the kernel does not say who
        QVERIFY(rig.replied(3));
        const auto records = rig.drain();
        QVERIFY(EngineRig::at(records, 1, Step::arrived).flags & flag::own);
        QVERIFY(!EngineRig::at(records, 1, Step::arrived).command_name().empty());
        QVERIFY(!(EngineRig::at(records, 2, Step::arrived).flags & flag::own));
        QVERIFY(!(EngineRig::at(records, 3, Step::arrived).flags & flag::own));
        QCOMPARE(EngineRig::at(records, 3, Step::arrived).command_name(), std::string_view());
    }

    void reader_lost() {
        EngineRig rig;
        rig.sources[0]->script = {{20 * millisecond, 0}};
        const RequestId lost = rig.ask({stored(0, 100)}, 1);
        const RequestId other = rig.ask({stored(0, 100)}, 2);
        rig.engine.reader_lost(lost);
        QCOMPARE(rig.asker.replies[1].error, EINTR);
        rig.engine.reader_lost(lost); // it is no longer open
        rig.engine.reader_lost(4711);
        QVERIFY(rig.replied(2));
        QVERIFY(rig.asker.replies[2].bytes == true_bytes(0, 100));
        QCOMPARE(rig.asker.replies[1].calls, 1);
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, lost), std::string("arrived matched fetching lost"));
        QCOMPARE(EngineRig::at(records, other, Step::answered).result, 0);
    }

    void fail_all() {
        EngineRig rig;
        rig.add_rule(Action::hold, 1);
        rig.ask({stored(0, 100)}, 1);
        rig.sources[0]->script = {{20 * millisecond, 0}};
        rig.ask({stored(8192, 100)}, 2);
        rig.engine.fail_all(ENOTCONN);
        QCOMPARE(rig.engine.open_requests(), std::size_t{0});
        QCOMPARE(rig.engine.held_requests(), std::size_t{0});
        QVERIFY(run_until(*rig.ring, [&] { return rig.sources[0]->on_their_way == 0; }));
        for (const std::uint64_t token : {1U, 2U}) {
            QCOMPARE(rig.asker.replies[token].calls, 1);
            QCOMPARE(rig.asker.replies[token].error, ENOTCONN);
        }
    }

    void overflow_is_counted() {
        EngineRig rig(1, {}, 4);
        rig.ask({stored(0, 100)}, 1);
        QVERIFY(rig.replied(1));
        QCOMPARE(rig.events.lost(), std::uint64_t{1}); // five steps, room for four
        QVERIFY(rig.asker.replies[1].bytes == true_bytes(0, 100));
        rig.drain();
        rig.ask({stored(0, 100)}, 2);
        QCOMPARE(rig.events.lost(), std::uint64_t{1});
        QCOMPARE(rig.drain().size(), std::size_t{3});
    }

    // A reader that asks again as soon as it is answered, in the same call.
    void ask_from_within_an_answer() {
        EngineRig rig;
        constexpr std::uint64_t count = 50;
        rig.asker.on_reply = [&](std::uint64_t token) {
            if (token < count)
                rig.ask({stored(token % 5 * 3000, 2000 + token)}, token + 1);
        };
        rig.ask({stored(0, 2000)}, 1);
        QVERIFY(rig.replied(count));
        for (std::uint64_t token = 2; token <= count; ++token) {
            QCOMPARE(rig.asker.replies[token].calls, 1);
            QVERIFY(rig.asker.replies[token].bytes ==
                    true_bytes((token - 1) % 5 * 3000, 2000 + token - 1));
        }
        QVERIFY(run_until(*rig.ring, [&] { return rig.engine.open_requests() == 0; }));
    }
};

QTEST_GUILESS_MAIN(TestEngine)
#include "test_engine.moc"
