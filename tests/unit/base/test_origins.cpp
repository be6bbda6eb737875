// What brought each byte and whether it was asked for, against a table with an entry for each byte.
#include "core/base/origins.h"

#include <QTest>
#include <array>
#include <optional>
#include <random>

using namespace coldscope;

namespace {

constexpr std::uint64_t size = 200;

struct Byte {
    std::optional<Origin> origin;
    bool asked = false;
};

} // namespace

class TestOrigins : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void asked_before_and_after() {
        Origins origins;
        origins.asked({0, 10});
        origins.brought({0, 100}, Origin::miss);
        QCOMPARE(origins.unused().all(), (std::vector<Range>{{10, 100}}));
        origins.asked({50, 60});
        QCOMPARE(origins.unused().all(), (std::vector<Range>{{10, 50}, {60, 100}}));
        origins.asked({0, 200});
        QCOMPARE(origins.unused().total(), std::uint64_t{0});
        origins.brought({100, 300}, Origin::prefetch);
        QCOMPARE(origins.unused().all(), (std::vector<Range>{{200, 300}}));
    }

    void against_a_table_data() {
        QTest::addColumn<unsigned>("seed");
        for (unsigned seed = 1; seed <= 8; ++seed)
            QTest::addRow("seed %u", seed) << seed;
    }
    void against_a_table() {
        QFETCH(unsigned, seed);
        std::mt19937 random(seed);
        Origins origins;
        std::array<Byte, size> truth{};
        for (int i = 0; i < 2000; ++i) {
            const std::uint64_t begin = random() % size;
            const Range range{begin, std::min<std::uint64_t>(size, begin + random() % 20)};
            const bool came = random() % 2 == 0;
            const auto origin = static_cast<Origin>(random() % origin_count);
            came ? origins.brought(range, origin) : origins.asked(range);
            for (std::uint64_t at = range.begin; at < range.end; ++at) {
                if (came)
                    truth[at].origin = origin;
                else
                    truth[at].asked = true;
            }
            for (std::uint64_t at = 0; at < size; ++at) {
                for (std::size_t o = 0; o < origin_count; ++o)
                    QCOMPARE(origins.by(static_cast<Origin>(o)).contains({at, at + 1}),
                             truth[at].origin == static_cast<Origin>(o));
                QCOMPARE(origins.unused().contains({at, at + 1}),
                         truth[at].origin.has_value() && !truth[at].asked);
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestOrigins)
#include "test_origins.moc"
