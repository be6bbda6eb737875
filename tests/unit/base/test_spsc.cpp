#include "core/base/spsc.h"

#include <QTest>
#include <cstdint>
#include <memory>
#include <thread>

using namespace coldscope;

class TestSpsc : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void capacity_is_rounded_up() {
        SpscRing<int> ring(5);
        for (int i = 0; i < 8; ++i)
            QVERIFY(ring.push(i));
        QVERIFY(!ring.push(8));
        int value = -1;
        QVERIFY(ring.pop(value));
        QCOMPARE(value, 0);
        QVERIFY(ring.push(8)); // a push that failed left nothing behind
        for (int i = 1; i <= 8; ++i) {
            QVERIFY(ring.pop(value));
            QCOMPARE(value, i);
        }
        QVERIFY(!ring.pop(value));
        QCOMPARE(value, 8);
    }

    void one_slot() {
        SpscRing<int> ring(1);
        int value = 0;
        for (int i = 0; i < 10; ++i) {
            QVERIFY(ring.push(i));
            QVERIFY(!ring.push(100));
            QVERIFY(ring.pop(value));
            QCOMPARE(value, i);
        }
    }

    void drain_takes_at_most() {
        SpscRing<int> ring(8);
        for (int i = 0; i < 6; ++i)
            QVERIFY(ring.push(i));
        std::vector<int> taken;
        const auto take = [&](int value) { taken.push_back(value); };
        QCOMPARE(ring.drain(take, 4), std::size_t{4});
        QCOMPARE(ring.drain(take, 0), std::size_t{0});
        QCOMPARE(ring.drain(take), std::size_t{2});
        QCOMPARE(ring.drain(take), std::size_t{0});
        QCOMPARE(taken, (std::vector<int>{0, 1, 2, 3, 4, 5}));
    }

    void moves_what_cannot_be_copied() {
        SpscRing<std::unique_ptr<int>> ring(2);
        QVERIFY(ring.push(std::make_unique<int>(7)));
        std::unique_ptr<int> value;
        QVERIFY(ring.pop(value));
        QCOMPARE(*value, 7);
    }

    // Each entry is more than a word, so that a torn or early read shows; some pushes find the
    // ring full, and are tried again.
    void two_threads() {
        struct Entry {
            std::uint64_t number = 0;
            std::uint64_t twice = 0;
            std::uint64_t inverse = ~std::uint64_t{0};
        };
        constexpr std::uint64_t count = 300'000;
        SpscRing<Entry> ring(64);
        std::thread producer([&] {
            for (std::uint64_t i = 0; i < count; ++i) {
                while (!ring.push({i, 2 * i, ~i}))
                    std::this_thread::yield();
            }
        });
        std::uint64_t next = 0;
        std::uint64_t wrong = 0;
        const auto take = [&](const Entry& entry) {
            wrong += entry.number != next || entry.twice != 2 * next || entry.inverse != ~next;
            ++next;
        };
        while (next < count) {
            Entry entry;
            if (next % 3 == 0 && ring.pop(entry))
                take(entry);
            else if (ring.drain(take, 50) == 0)
                std::this_thread::yield();
        }
        producer.join();
        QCOMPARE(wrong, std::uint64_t{0});
        Entry entry;
        QVERIFY(!ring.pop(entry));
    }
};

QTEST_GUILESS_MAIN(TestSpsc)
#include "test_spsc.moc"
