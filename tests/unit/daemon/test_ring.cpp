#include "tests/unit/daemon/ring_fixture.h"

#include <QTest>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <set>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

class TestRing : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void timers_in_order() {
        const auto ring = make_ring();
        std::vector<int> order;
        const Nanoseconds now = monotonic_now();
        Nanoseconds earliest_of_third = 0;
        ring->at(now + 30 * millisecond, [&] {
            earliest_of_third = monotonic_now();
            order.push_back(3);
        });
        ring->at(now + 10 * millisecond, [&] { order.push_back(1); });
        ring->at(now + 20 * millisecond, [&] { order.push_back(2); });
        const auto cancelled = ring->at(now + 15 * millisecond, [&] { order.push_back(99); });
        // The same time: in the order in which they were set.
        ring->at(now + 40 * millisecond, [&] { order.push_back(4); });
        ring->at(now + 40 * millisecond, [&] {
            order.push_back(5);
            ring->stop();
        });
        QVERIFY(ring->cancel(cancelled));
        QVERIFY(!ring->cancel(cancelled));
        QVERIFY(run(*ring));
        QCOMPARE(order, (std::vector<int>{1, 2, 3, 4, 5}));
        QVERIFY(earliest_of_third >= now + 30 * millisecond);
    }

    void timer_set_and_cancelled_by_a_timer() {
        const auto ring = make_ring();
        std::vector<int> order;
        Ring::TimerId doomed;
        ring->after(0, [&] {
            order.push_back(1);
            ring->cancel(doomed);
            ring->after(millisecond, [&] {
                order.push_back(2);
                ring->stop();
            });
        });
        doomed = ring->after(0, [&] { order.push_back(99); });
        QVERIFY(run(*ring));
        QCOMPARE(order, (std::vector<int>{1, 2}));
    }

    // A timer that always sets itself again at once leaves the others their turn.
    void busy_timer_starves_nobody() {
        const auto ring = make_ring();
        Pipe pipe;
        int turns = 0;
        int busy = 0;
        std::function<void()> again = [&] {
            if (++busy < 10'000'000)
                ring->at(0, again); // due long ago
            else
                ring->stop();
        };
        ring->at(0, again);
        ring->on_turn([&] { ++turns; });
        bool woken = false;
        ring->on_wake([&] {
            woken = true;
            pipe.write();
        });
        ring->watch(pipe.ends[0], POLLIN, [&](int) { ring->stop(); });
        ring->wake();
        QVERIFY(run(*ring));
        QVERIFY(woken);
        QVERIFY(turns > 0);
        QVERIFY(busy < 10'000'000);
    }

    void wake_from_another_thread() {
        const auto ring = make_ring();
        constexpr int count = 2000;
        std::atomic<int> posted{0};
        int seen = 0;
        int calls = 0;
        ring->on_wake([&] {
            ++calls;
            seen = posted.load();
            if (seen == count)
                ring->stop();
        });
        std::thread other([&] {
            for (int i = 0; i < count; ++i) {
                ++posted;
                ring->wake();
                if (i % 100 == 0)
                    std::this_thread::yield();
            }
        });
        const bool in_time = run(*ring);
        other.join();
        QVERIFY(in_time);
        QCOMPARE(seen, count);
        QVERIFY(calls >= 1 && calls <= count);
    }

    void wake_before_run_and_errno() {
        const auto ring = make_ring();
        ring->on_wake([&] { ring->stop(); });
        errno = EXDEV;
        ring->wake();
        for (int i = 0; i < 3; ++i)
            ring->wake();
        QCOMPARE(errno, EXDEV); // a signal handler may call it
        QVERIFY(run(*ring));
    }

    void turns_come_after_what_they_flush() {
        const auto ring = make_ring();
        std::string log;
        ring->after(0, [&] { log += 't'; });
        ring->on_wake([&] { log += 'w'; });
        ring->on_turn([&] {
            log += '.';
            if (log.find('t') != std::string::npos && log.find('w') != std::string::npos)
                ring->stop();
        });
        ring->wake();
        QVERIFY(run(*ring));
        QVERIFY(log.ends_with('.'));
    }

    // One watch, many times ready: each is told, with nothing lost between two.
    void watch_again_and_again() {
        const auto ring = make_ring(8);
        Pipe pipe;
        constexpr int rounds = 500;
        int calls = 0;
        int bytes = 0;
        ring->watch(pipe.ends[0], POLLIN, [&](int result) {
            QVERIFY(result & POLLIN);
            ++calls;
            const int got = pipe.take_all();
            bytes += got;
            if (bytes == 3 * rounds)
                ring->stop();
            else if (got > 0)
                pipe.write(3);
        });
        pipe.write(3);
        QVERIFY(run(*ring));
        QCOMPARE(bytes, 3 * rounds);
        QVERIFY(calls >= rounds);
    }

    // When more comes to an end than the kernel has room to tell, it ends watches: they go on.
    void watch_outlives_an_overflow() {
        constexpr std::uint32_t count = 500;
        const int fd = numbered_file(count);
        const auto ring = make_ring(1);
        Pipe pipe;
        int calls = 0;
        int bytes = 0;
        ring->watch(pipe.ends[0], POLLIN, [&](int) {
            ++calls;
            bytes += pipe.take_all();
        });
        std::uint32_t done = 0;
        std::vector<std::array<std::uint32_t, 128>> blocks(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            ring->read(fd, std::as_writable_bytes(std::span(blocks[i])), i * 512ULL,
                       [&](int) { ++done; });
            if (i % 50 == 25)
                pipe.write();
        }
        ring->on_turn([&] {
            if (done == count && bytes == 10)
                ring->stop();
        });
        QVERIFY(run(*ring));
        for (int i = 0; i < 3; ++i) { // and still sees what comes later
            pipe.write();
            ring->on_turn([&] {
                if (bytes == 11 + i)
                    ring->stop();
            });
            QVERIFY(run(*ring));
        }
        QVERIFY(calls >= 4);
        ::close(fd);
    }

    void watch_sees_the_other_end_close() {
        const auto ring = make_ring();
        Pipe pipe;
        int seen = 0;
        ring->watch(pipe.ends[0], POLLIN, [&](int result) {
            seen = result;
            ring->stop();
        });
        ring->after(millisecond, [&] { pipe.close_writer(); });
        QVERIFY(run(*ring));
        QVERIFY(seen > 0);
        QVERIFY(seen & POLLHUP);
    }

    void watch_of_what_is_no_descriptor() {
        const auto ring = make_ring();
        int calls = 0;
        int seen = 0;
        ring->watch(12345, POLLIN, [&](int result) {
            ++calls;
            seen = result;
            ring->after(20 * millisecond, [&] { ring->stop(); });
        });
        QVERIFY(run(*ring));
        QCOMPARE(seen, -EBADF);
        QCOMPARE(calls, 1); // the last
    }

    void unwatched_is_silent() {
        const auto ring = make_ring();
        Pipe gone;
        Pipe kept;
        int gone_calls = 0;
        int kept_calls = 0;
        const auto id = ring->watch(gone.ends[0], POLLIN, [&](int) { ++gone_calls; });
        ring->watch(kept.ends[0], POLLIN, [&](int) {
            ++kept_calls;
            static_cast<void>(kept.take_all());
        });
        ring->after(millisecond, [&] {
            gone.write(); // ready, and taken back before the ring hears of it
            ring->unwatch(id);
            kept.write();
        });
        ring->after(20 * millisecond, [&] {
            gone.write();
            kept.write();
        });
        ring->after(40 * millisecond, [&] { ring->stop(); });
        QVERIFY(run(*ring));
        QCOMPARE(gone_calls, 0);
        QVERIFY(kept_calls >= 1);
    }

    // Slots are used again: a watch that ended must not take its successor with it.
    void unwatch_and_watch_again() {
        const auto ring = make_ring();
        constexpr int rounds = 200;
        int done = 0;
        Pipe pipe;
        Ring::WatchId id = 0;
        std::function<void(int)> ready = [&](int) {
            QCOMPARE(pipe.take_all(), 1);
            ring->unwatch(id); // from within
            if (++done == rounds) {
                ring->stop();
                return;
            }
            id = ring->watch(pipe.ends[0], POLLIN, [&](int result) { ready(result); });
            pipe.write();
        };
        id = ring->watch(pipe.ends[0], POLLIN, [&](int result) { ready(result); });
        pipe.write();
        QVERIFY(run(*ring));
        QCOMPARE(done, rounds);
    }

    void more_reads_than_entries() {
        constexpr std::uint32_t count = 3000;
        const int fd = numbered_file(count);
        const auto ring = make_ring(4);
        std::vector<std::array<std::uint32_t, 128>> blocks(count);
        std::uint32_t done = 0;
        std::uint32_t wrong = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            ring->read(fd, std::as_writable_bytes(std::span(blocks[i])), i * 512ULL,
                       [&, i](int result) {
                           wrong += result != 512 || blocks[i][0] != i || blocks[i][127] != i;
                           if (++done == count)
                               ring->stop();
                       });
        }
        QVERIFY(run(*ring));
        QCOMPARE(done, count);
        QCOMPARE(wrong, 0U);
        ::close(fd);
    }

    void reads_from_within_reads() {
        constexpr std::uint32_t count = 200;
        const int fd = numbered_file(count);
        const auto ring = make_ring(2);
        std::array<std::uint32_t, 128> block{};
        std::uint32_t next = 0;
        std::function<void()> read = [&] {
            ring->read(fd, std::as_writable_bytes(std::span(block)), next * 512ULL,
                       [&](int result) {
                           QCOMPARE(result, 512);
                           QCOMPARE(block[5], next);
                           if (++next == count)
                               ring->stop();
                           else
                               read();
                       });
        };
        read();
        QVERIFY(run(*ring));
        QCOMPARE(next, count);
        ::close(fd);
    }

    void read_errors_and_ends() {
        const int fd = numbered_file(1);
        const auto ring = make_ring();
        std::array<std::byte, 1024> bytes{};
        std::vector<int> results;
        const auto take = [&](int result) {
            results.push_back(result);
            if (results.size() == 2)
                ring->stop();
        };
        ring->read(fd, bytes, 0, take); // half of it is there
        QVERIFY(run_once(*ring, results, 1));
        ring->read(12345, bytes, 0, take);
        QVERIFY(run(*ring));
        QCOMPARE(results, (std::vector<int>{512, -EBADF}));
        ::close(fd);
    }

    // The kernel owns the buffers of what is on its way: the ring's end waits for them, and tells
    // them, but no watch, timer or wake-up any more.
    void end_with_reads_on_their_way() {
        Pipe pipe;
        fcntl(pipe.ends[0], F_SETFL, 0); // so that a read waits
        std::array<std::byte, 4> bytes{};
        int result = 0;
        int others = 0;
        auto ring = make_ring();
        ring->read(pipe.ends[0], bytes, ~std::uint64_t{0}, [&](int got) { result = got; });
        ring->watch(pipe.ends[0], POLLIN, [&](int) { ++others; });
        ring->on_wake([&] { ++others; });
        ring->after(millisecond, [&] { ring->stop(); });
        QVERIFY(run(*ring));
        QCOMPARE(result, 0);
        ring->after(0, [&] { ++others; });
        ring->wake();
        std::thread writer([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            pipe.write(4);
        });
        ring.reset();
        writer.join();
        QCOMPARE(result, 4);
        QCOMPARE(others, 0);
    }

private:
    static bool run_once(Ring& ring, const std::vector<int>& results, std::size_t wanted) {
        ring.on_turn([&] {
            if (results.size() >= wanted)
                ring.stop();
        });
        const bool in_time = run(ring);
        ring.on_turn({});
        return in_time;
    }
};

QTEST_GUILESS_MAIN(TestRing)
#include "test_ring.moc"
