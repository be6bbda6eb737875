#include "daemon/engine/event_queue.h"

#include <QTest>
#include <thread>

#include <poll.h>

using namespace coldscope;

namespace {

StepRecord numbered(std::uint64_t number) {
    StepRecord record;
    record.request = number;
    record.time = 2 * number;
    return record;
}

bool readable(const EventQueue& queue, int timeout = 0) {
    pollfd entry{queue.fd(), POLLIN, 0};
    return poll(&entry, 1, timeout) == 1;
}

} // namespace

class TestEventQueue : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void overflow_is_counted() {
        EventQueue queue(8);
        for (std::uint64_t i = 0; i < 11; ++i)
            queue.push(numbered(i));
        QCOMPARE(queue.lost(), std::uint64_t{3});
        std::vector<std::uint64_t> seen;
        const auto take = [&](const StepRecord& record) { seen.push_back(record.request); };
        QCOMPARE(queue.drain(take, 5), std::size_t{5});
        queue.push(numbered(11));
        QCOMPARE(queue.lost(), std::uint64_t{3});
        QCOMPARE(queue.drain(take), std::size_t{4});
        // The oldest are kept: what was lost came when there was no room.
        QCOMPARE(seen, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 11}));
    }

    void wakes_only_who_sleeps() {
        EventQueue queue(8);
        queue.push(numbered(1));
        queue.flush();
        QVERIFY(!readable(queue)); // nobody sleeps
        queue.arm();
        QVERIFY(!readable(queue));
        queue.flush(); // nothing new since the last
        QVERIFY(!readable(queue));
        queue.push(numbered(2));
        QVERIFY(!readable(queue));
        queue.flush();
        QVERIFY(readable(queue));
        queue.arm();
        QVERIFY(!readable(queue));
        // A fact that comes after its request has ended has no record to come with.
        queue.tell(KernelTime{2, KernelTime::Passed::resumed, 7});
        queue.flush();
        QVERIFY(readable(queue));
    }

    // A listener that looks again by itself is woken for what can't wait.
    void wakes_for_what_is_urgent() {
        EventQueue queue(16);
        queue.arm(EventQueue::Wake::urgent);
        queue.push(numbered(1));
        queue.flush();
        QVERIFY(!readable(queue));
        StepRecord held = numbered(2);
        held.step = Step::held;
        queue.push(held);
        queue.flush();
        QVERIFY(readable(queue));
        queue.arm(EventQueue::Wake::urgent);
        StepRecord by_hand = numbered(2);
        by_hand.step = Step::answered;
        by_hand.flags = flag::by_hand;
        queue.push(by_hand);
        queue.flush();
        QVERIFY(readable(queue));
        queue.arm();
        QVERIFY(!readable(queue));
        queue.push(numbered(3));
        queue.flush();
        QVERIFY(readable(queue));
    }

    // A listener that drains, arms, drains again and then sleeps misses nothing.
    void nothing_is_missed() {
        EventQueue queue(64);
        constexpr std::uint64_t count = 50'000;
        std::thread ring([&] {
            for (std::uint64_t i = 0; i < count; ++i) {
                const std::uint64_t lost = queue.lost();
                queue.push(numbered(i));
                queue.flush();
                if (queue.lost() != lost) { // no room: the same again, when there is
                    --i;
                    std::this_thread::yield();
                }
            }
        });
        std::uint64_t next = 0;
        std::uint64_t wrong = 0;
        bool slept_too_long = false;
        const auto take = [&](const StepRecord& record) {
            wrong += record.request != next || record.time != 2 * next;
            ++next;
        };
        while (next < count && !slept_too_long) {
            queue.drain(take);
            queue.arm();
            if (queue.drain(take) == 0 && next < count)
                slept_too_long = !readable(queue, 60'000);
        }
        ring.join();
        QVERIFY(!slept_too_long);
        QCOMPARE(next, count);
        QCOMPARE(wrong, std::uint64_t{0});
    }
};

QTEST_GUILESS_MAIN(TestEventQueue)
#include "test_event_queue.moc"
