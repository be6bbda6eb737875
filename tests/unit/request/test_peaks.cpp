#include "core/request/peaks.h"

#include <QTest>
#include <limits>
#include <random>

using namespace coldscope;

namespace {

std::size_t naive_next(const std::vector<std::uint8_t>& keys, std::size_t from, std::size_t to,
                       std::uint8_t least) {
    while (from < to && keys[from] < least)
        ++from;
    return from;
}

} // namespace

class TestPeaks : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void keys() {
        constexpr Nanoseconds most = std::numeric_limits<Nanoseconds>::max();
        QCOMPARE(Peaks::key(0), std::uint8_t{0});
        QVERIFY(Peaks::key(most) < 255);
        Nanoseconds least = 0; // of those with the same key
        for (Nanoseconds length = 1; length < most - length / 3; length += 1 + length / 1000) {
            QVERIFY(Peaks::key(length) >= Peaks::key(length - 1));
            QVERIFY(Peaks::key(length) > Peaks::key(least) || length - least <= least / 4);
            if (Peaks::key(length) > Peaks::key(least))
                least = length;
        }
    }

    void next_data() {
        QTest::addColumn<std::size_t>("size");
        for (const std::size_t size : {1U, 8U, 63U, 64U, 65U, 129U, 4096U, 4097U, 4161U, 9000U,
                                       262'144U, 262'145U, 270'000U})
            QTest::addRow("%zu", size) << size;
    }
    // At every size on the way, with greater ones ever rarer, so that all heights are gone through.
    void next() {
        QFETCH(std::size_t, size);
        std::mt19937_64 random(size);
        Peaks peaks;
        std::vector<std::uint8_t> keys;
        std::vector<std::uint32_t> found(40);
        while (true) {
            const bool last = keys.size() == size;
            const unsigned some = size < 500 ? 5 : random() % 1000 == 0 ? 1 : 0;
            for (unsigned i = 0; i < (last ? 400 : some); ++i) {
                const std::size_t from = random() % (keys.size() + 1);
                const std::size_t to =
                    random() % 2 == 0 ? keys.size() : random() % (keys.size() + 1);
                const auto least = static_cast<std::uint8_t>(random());
                QCOMPARE(peaks.next(from, to, least),
                         from < to ? naive_next(keys, from, to, least) : to);
                if (from > to)
                    continue;
                // All of them, in portions.
                std::size_t expected = naive_next(keys, from, to, least);
                std::size_t at = from;
                for (unsigned portions = 0; at < to && portions < 20; ++portions) {
                    const std::size_t count = peaks.next(at, to, least, found);
                    for (std::size_t k = 0; k < count; ++k) {
                        QCOMPARE(std::size_t{found[k]}, expected);
                        expected = naive_next(keys, expected + 1, to, least);
                    }
                    QVERIFY(at <= expected);
                }
            }
            if (last)
                break;
            // Four bits, in one of two eight, in one of four twelve...
            const int bits = 4 + 4 * std::countr_zero(random() | 1U << 15);
            const Nanoseconds length = random() >> (64 - bits);
            peaks.push_back(length);
            keys.push_back(Peaks::key(length));
            QCOMPARE(peaks.size(), keys.size());
        }
    }
};

QTEST_GUILESS_MAIN(TestPeaks)
#include "test_peaks.moc"
