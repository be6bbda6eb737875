#include "tests/unit/request/naive_column.h"

#include <QTest>
#include <limits>
#include <random>

using namespace coldscope;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

} // namespace

class TestTimeAxis : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void axis_data() {
        QTest::addColumn<std::uint64_t>("begin");
        QTest::addColumn<std::uint64_t>("end");
        QTest::addColumn<std::uint32_t>("width");
        QTest::newRow("plain") << std::uint64_t{1000} << std::uint64_t{2000} << 100U;
        QTest::newRow("uneven") << std::uint64_t{1001} << std::uint64_t{2000} << 77U;
        QTest::newRow("all of time") << std::uint64_t{0} << most << 2560U;
        QTest::newRow("widest") << std::uint64_t{0} << most << TimeAxis::most_columns;
        QTest::newRow("all of time in a column") << std::uint64_t{0} << most << 1U;
        QTest::newRow("as many ns as columns") << std::uint64_t{7} << std::uint64_t{107} << 100U;
        QTest::newRow("columns below 1 ns") << most - 10 << most << 100U;
        QTest::newRow("nothing") << std::uint64_t{5} << std::uint64_t{5} << 0U;
        QTest::newRow("reversed, at the end") << most << std::uint64_t{0} << 10U;
    }
    void axis() {
        QFETCH(std::uint64_t, begin);
        QFETCH(std::uint64_t, end);
        QFETCH(std::uint32_t, width);
        const TimeAxis axis(begin, end, width);
        QVERIFY(axis.begin() < axis.end() && axis.width() >= 1);
        QCOMPARE(axis.time_at(0), axis.begin());
        QCOMPARE(axis.time_at(axis.width()), axis.end());
        std::mt19937_64 random(1);
        for (unsigned i = 0; i < 20'000; ++i) {
            const auto x = static_cast<std::uint32_t>(random() % axis.width());
            const std::uint64_t span = axis.end() - axis.begin();
            for (const Nanoseconds time :
                 {axis.begin() + random() % span, axis.time_at(x), axis.time_at(x) - 1, random()})
                QCOMPARE(axis.column_of(time), naive_column(axis, time));
        }
        // The longest time that is less than two columns, where there is a longer one.
        const Nanoseconds below = axis.below_two_columns();
        const Wide two_columns = Wide{2} * (axis.end() - axis.begin());
        QVERIFY(Wide{below} * axis.width() < two_columns);
        QVERIFY(below == most || (Wide{below} + 1) * axis.width() >= two_columns);
        QVERIFY(Wide{axis.within_column()} * 2 * axis.width() <= two_columns);
    }
};

QTEST_GUILESS_MAIN(TestTimeAxis)
#include "test_time_axis.moc"
