// Requests that are kept waiting: by rules, by hand, and what lets them go.
#include "daemon/guard/protocol.h"
#include "tests/unit/daemon/engine_test.h"

#include <QTest>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

namespace {

// A child of that name, which sleeps, and with a name for it, a child of its own, which is
// returned.
pid_t sleeping(const char* name, const char* of = nullptr) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0)
        qFatal("no pipe");
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, name);
        const pid_t told = of ? sleeping(of) : getpid();
        if (write(ends[1], &told, sizeof told) != sizeof told)
            _exit(1);
        for (;;)
            pause();
    }
    pid_t told = 0;
    if (read(ends[0], &told, sizeof told) != sizeof told)
        qFatal("a child does not start");
    ::close(ends[0]);
    ::close(ends[1]);
    return told;
}

} // namespace

class TestEngineHold : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void hold_and_release() {
        EngineRig rig;
        rig.add_rule(Action::hold, 1);
        const RequestId held = rig.ask({stored(0, 100)}, 1);
        const RequestId other = rig.ask({stored(4096, 100)}, 2);
        QVERIFY(rig.replied(1));
        QCOMPARE(rig.engine.held_requests(), std::size_t{1});
        QVERIFY(!rig.asker.replies.contains(1));
        // Nothing is fetched for one that is held.
        QCOMPARE(rig.sources[0]->fetched.size(), std::size_t{1});
        rig.engine.apply(control::Release{held});
        QVERIFY(rig.replied(2));
        QVERIFY(rig.asker.replies[1].bytes == true_bytes(0, 100));
        QCOMPARE(rig.engine.held_requests(), std::size_t{0});
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, held),
                 std::string("arrived matched held fetching filling answered"));
        const StepRecord matched = EngineRig::at(records, held, Step::matched);
        QCOMPARE(matched.result, 1); // the rule
        QCOMPARE(matched.flags, flag::by_rule);
        QCOMPARE(EngineRig::at(records, held, Step::answered).flags,
                 static_cast<std::uint16_t>(flag::by_rule | flag::by_hand));
        QCOMPARE(EngineRig::at(records, other, Step::matched).result, 0);
        QCOMPARE(EngineRig::at(records, other, Step::answered).flags, std::uint16_t{0});
    }

    void held_then_failed() {
        EngineRig rig;
        rig.add_rule(Action::hold);
        const RequestId id = rig.ask({stored(0, 100)}, 1);
        rig.engine.apply(control::Fail{id, ENOSPC});
        QCOMPARE(rig.asker.replies[1].error, ENOSPC);
        QVERIFY(rig.sources[0]->fetched.empty());
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, id), std::string("arrived matched held answered"));
        QCOMPARE(EngineRig::at(records, id, Step::answered).result, ENOSPC);
    }

    void held_then_delayed_then_released() {
        EngineRig rig;
        rig.add_rule(Action::hold);
        const RequestId id = rig.ask({stored(0, 100)}, 1);
        rig.engine.apply(control::Delay{id, 3600 * second});
        QCOMPARE(rig.engine.held_requests(), std::size_t{1});
        run_for(*rig.ring, 20 * millisecond);
        QVERIFY(rig.asker.replies.empty());
        rig.engine.apply(control::Delay{id, 10 * millisecond}); // the last word counts
        QVERIFY(rig.replied(1));
        QCOMPARE(rig.engine.held_requests(), std::size_t{0});
        QCOMPARE(EngineRig::steps(rig.drain(), id),
                 std::string("arrived matched held delayed delayed fetching filling answered"));
    }

    void delay_by_rule() {
        EngineRig rig;
        constexpr Nanoseconds delay = 60 * millisecond;
        rig.add_rule(Action::delay, 0, delay);
        const RequestId id = rig.ask({stored(0, 100)}, 1);
        QCOMPARE(rig.engine.held_requests(), std::size_t{1});
        QVERIFY(rig.replied(1));
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, id),
                 std::string("arrived matched delayed fetching filling answered"));
        QVERIFY(EngineRig::at(records, id, Step::fetching).time >=
                EngineRig::at(records, id, Step::arrived).time + delay);
    }

    void fail_by_rule() {
        EngineRig rig;
        rig.add_rule(Action::fail, 1, 0, ESTALE);
        const RequestId id = rig.ask({stored(0, 100)}, 1);
        QCOMPARE(rig.asker.replies[1].error, ESTALE);
        QCOMPARE(EngineRig::steps(rig.drain(), id), std::string("arrived matched answered"));
        rig.ask({stored(0, 100)}, 2); // the count is over
        QVERIFY(rig.replied(2));
        QCOMPARE(rig.asker.replies[2].error, 0);
    }

    // By that name a child of root's guard is an observer, which no rule sees, and nobody else.
    void observers() {
        EngineRig rig;
        rig.add_rule(Action::fail, 0, 0, EIO);
        std::uint64_t token = 0;
        for (const pid_t reader :
             {sleeping(guard::observer_name), sleeping("another", guard::observer_name),
              sleeping(guard::program_name, "another"),
              sleeping(guard::program_name, guard::observer_name)})
            rig.ask({stored(0, 10)}, ++token, static_cast<std::uint32_t>(reader));
        QVERIFY(rig.replied(4));
        const auto records = rig.drain();
        for (const RequestId id : {1, 2, 3, 4}) {
            const std::uint16_t flags = EngineRig::at(records, id, Step::arrived).flags;
            const bool observer = id == 4 && geteuid() == 0;
            QCOMPARE((flags & flag::observer) != 0, observer);
            QVERIFY(!(flags & flag::own));
            QCOMPARE(rig.asker.replies[id].error, observer ? 0 : EIO);
        }
    }

    // 0 would be an answer of no bytes; what is past the kernel's range would never reach the
    // reader, who would wait for ever.
    void errors_are_always_errors() {
        EngineRig rig;
        std::uint64_t token = 0;
        for (const int error : {0, -5, 512, 4095}) {
            rig.add_rule(Action::fail, 1, 0, error);
            rig.ask({stored(0, 100)}, ++token);
            QCOMPARE(rig.asker.replies[token].error, EIO);
        }
        rig.add_rule(Action::fail, 1, 0, 511);
        rig.ask({stored(0, 100)}, ++token);
        QCOMPARE(rig.asker.replies[token].error, 511);
    }

    void rules_look_at_places() {
        EngineRig rig(2);
        Rule rule;
        rule.id = 1;
        rule.action = Action::fail;
        rule.error = EIO;
        rule.match.places = {{1, {8192, 8193}}};
        rig.engine.apply(control::AddRule{rule});
        rig.ask({stored(8192, 100)}, 1);                    // the other store
        rig.ask({stored(0, 100), stored(8193, 100, 1)}, 2); // beside it
        rig.ask({stored(0, 100), stored(8000, 193, 1)}, 3); // its last byte
        QVERIFY(rig.replied(3));
        QCOMPARE(rig.asker.replies[1].error, 0);
        QCOMPARE(rig.asker.replies[2].error, 0);
        QCOMPARE(rig.asker.replies[3].error, EIO);
        rig.engine.apply(control::RemoveRule{1});
        rig.ask({stored(8192, 100, 1)}, 4);
        QVERIFY(rig.replied(4));
        QCOMPARE(rig.asker.replies[4].error, 0);
    }

    void own_requests_are_never_held() {
        EngineRig rig;
        rig.add_rule(Action::hold);
        std::uint32_t worker = 0;
        std::atomic<bool> end{false};
        std::atomic<bool> begun{false};
        std::thread thread([&] {
            worker = static_cast<std::uint32_t>(syscall(SYS_gettid));
            begun = true;
            while (!end)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
        while (!begun)
            std::this_thread::yield();
        rig.ask({stored(0, 100)}, 1, static_cast<std::uint32_t>(getpid()));
        rig.ask({stored(0, 100)}, 2, worker); // any thread of this process
        const bool both = rig.replied(2);
        end = true;
        thread.join();
        QVERIFY(both);
        rig.ask({stored(0, 100)}, 3);
        QCOMPARE(rig.engine.held_requests(), std::size_t{1});
    }

    // While the mount is made, the kernel asks in whatever thread: nothing is held or counted.
    void nothing_is_held_before_the_mount_stands() {
        EngineRig base;
        Engine engine(*base.ring, base.events);
        auto source = std::make_unique<ScriptedSource>(*base.ring, EngineRig::size, 7);
        auto cache = CacheFile::open(base.folder.path().toStdString(), "x", source->identity(),
                                     EngineRig::size);
        QVERIFY(cache);
        engine.add_store(std::move(source), std::move(*cache));
        Rule rule;
        rule.id = 1;
        rule.action = Action::hold;
        rule.count = 1;
        engine.apply(control::AddRule{rule});
        Ask ask;
        ask.length = 100;
        ask.pid = EngineRig::foreign;
        ask.pieces = {stored(0, 100)};
        engine.ask(ask, base.asker, 1);
        QVERIFY(base.replied(1));
        QVERIFY(EngineRig::at(base.drain(), 1, Step::arrived).flags & flag::own);
        engine.mounted();
        engine.ask(ask, base.asker, 2);
        QCOMPARE(engine.held_requests(), std::size_t{1}); // the rule's one
    }

    void release_all_ends_hold_rules() {
        EngineRig rig;
        rig.add_rule(Action::hold, 3);
        rig.add_rule(Action::delay, 1, 3600 * second);
        rig.add_rule(Action::fail, 1, 0, EBADMSG);
        rig.add_rule(Action::hold);
        for (std::uint64_t token = 1; token <= 4; ++token)
            rig.ask({stored(token * 8192, 100)}, token);
        QCOMPARE(rig.engine.held_requests(), std::size_t{4}); // the fourth is delayed
        rig.engine.apply(control::ReleaseAll{});
        QVERIFY(rig.replied(4));
        for (std::uint64_t token = 1; token <= 4; ++token)
            QVERIFY(rig.asker.replies[token].bytes == true_bytes(token * 8192, 100));
        // Rules that fail or delay stay; those that hold are gone, also for what comes later.
        rig.ask({stored(0, 100)}, 5);
        QCOMPARE(rig.asker.replies[5].error, EBADMSG);
        rig.ask({stored(0, 100)}, 6);
        QVERIFY(rig.replied(6));
        QCOMPARE(rig.asker.replies[6].error, 0);
        QCOMPARE(rig.engine.held_requests(), std::size_t{0});
    }

    void clear_rules_leaves_what_is_held() {
        EngineRig rig;
        rig.add_rule(Action::hold);
        rig.ask({stored(0, 100)}, 1);
        rig.engine.apply(control::ClearRules{});
        rig.ask({stored(0, 100)}, 2);
        QVERIFY(rig.replied(1));
        QVERIFY(rig.asker.replies.contains(2));
        QVERIFY(!rig.asker.replies.contains(1));
        QCOMPARE(rig.engine.held_requests(), std::size_t{1});
    }

    void commands_for_what_does_not_wait() {
        EngineRig rig;
        rig.sources[0]->script = {{50 * millisecond, 0}};
        const RequestId id = rig.ask({stored(0, 100)}, 1); // on its way, not held
        rig.engine.apply(control::Release{id});
        rig.engine.apply(control::Delay{id, second});
        rig.engine.apply(control::Fail{id, EIO});
        rig.engine.apply(control::Fail{4711, EIO});
        QVERIFY(rig.replied(1));
        QCOMPARE(rig.asker.replies[1].error, 0);
        const auto records = rig.drain();
        QCOMPARE(EngineRig::notices(records, Notice::not_held), std::size_t{4});
        QCOMPARE(EngineRig::at(records, id, Step::answered).flags, std::uint16_t{0});
    }

    // Nobody could beat while all of it was stopped: silence is counted from then on.
    void stopped_as_a_whole() {
        constexpr Nanoseconds silence = 2 * second;
        EngineRig rig(1, {silence});
        rig.add_rule(Action::hold);
        rig.engine.beat();
        rig.ask({stored(0, 100)}, 1);
        std::this_thread::sleep_for(std::chrono::nanoseconds(silence + second / 2));
        run_for(*rig.ring, second / 2);
        QVERIFY(rig.asker.replies.empty());
        QVERIFY(rig.replied(1));
        QCOMPARE(EngineRig::notices(rig.drain(), Notice::held_released_silent_listener),
                 std::size_t{1});
    }

    // A listener that still beats keeps its requests; silent for the time given, it does not.
    void silent_listener() {
        constexpr Nanoseconds silence = 3 * second; // a busy machine may stop the listener
        EngineRig rig(1, {silence});
        rig.add_rule(Action::hold, 2);
        std::atomic<bool> beating{true};
        std::atomic<Nanoseconds> last_beat{0};
        std::thread listener([&] {
            while (beating) {
                last_beat = monotonic_now();
                rig.engine.beat();
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        });
        rig.engine.beat();
        rig.ask({stored(0, 100)}, 1);
        rig.ask({stored(0, 100)}, 2);
        run_for(*rig.ring, 2 * silence);
        const bool kept = rig.asker.replies.empty();
        beating = false;
        listener.join();
        QVERIFY(kept);
        rig.add_rule(Action::hold);
        QVERIFY(rig.replied(2));
        QVERIFY(monotonic_now() - last_beat >= silence);
        QVERIFY(rig.asker.replies[1].bytes == true_bytes(0, 100));
        QCOMPARE(EngineRig::notices(rig.drain(), Notice::held_released_silent_listener),
                 std::size_t{1});
        rig.ask({stored(0, 100)}, 3); // and the rules that hold are gone
        QVERIFY(rig.replied(3));
    }

    // A reader that was killed, or is no more, does not wait for anybody's hand.
    void dead_reader_is_lost() {
        const pid_t child = fork();
        if (child == 0)
            _exit(0);
        siginfo_t info{};
        QCOMPARE(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0); // a zombie
        EngineRig rig(1, {3600 * second});
        rig.add_rule(Action::hold);
        const RequestId dead = rig.ask({stored(0, 100)}, 1, static_cast<std::uint32_t>(child));
        const RequestId alive = rig.ask({stored(0, 100)}, 2);
        const RequestId unknown = rig.ask({stored(0, 100)}, 3, 0);
        QVERIFY(rig.replied(1));
        QCOMPARE(rig.asker.replies[1].error, EINTR);
        waitpid(child, nullptr, 0);
        const auto records = rig.drain();
        QCOMPARE(EngineRig::steps(records, dead), std::string("arrived matched held lost"));
        QCOMPARE(EngineRig::steps(records, alive), std::string("arrived matched held"));
        QCOMPARE(EngineRig::steps(records, unknown), std::string("arrived matched held"));
    }

    void wind_down() {
        EngineRig rig;
        rig.add_rule(Action::hold, 1);
        rig.add_rule(Action::delay, 1, 3600 * second);
        rig.add_rule(Action::fail);
        rig.ask({stored(0, 100)}, 1);
        rig.ask({stored(0, 100)}, 2);
        rig.engine.wind_down();
        rig.add_rule(Action::hold); // too late
        rig.ask({stored(0, 100)}, 3);
        QVERIFY(rig.replied(3));
        for (std::uint64_t token = 1; token <= 3; ++token) {
            QCOMPARE(rig.asker.replies[token].calls, 1);
            QVERIFY(rig.asker.replies[token].bytes == true_bytes(0, 100));
        }
    }

    void ends_while_requests_are_held() {
        EngineRig outer;
        {
            Engine engine(*outer.ring, outer.events);
            engine.mounted();
            Rule rule;
            rule.id = 1;
            rule.action = Action::hold;
            engine.apply(control::AddRule{rule});
            engine.ask({0, 0, 1, EngineRig::foreign, {zeros(1)}}, outer.asker, 1);
        }
        QCOMPARE(outer.asker.replies[1].error, EIO);
        run_for(*outer.ring, 400 * millisecond); // past its look at what is held
    }
};

QTEST_GUILESS_MAIN(TestEngineHold)
#include "test_engine_hold.moc"
