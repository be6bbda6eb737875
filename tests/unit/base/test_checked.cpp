#ifndef Q_MOC_RUN // the moc of Qt 6.4 can't parse <concepts>
#include "core/base/checked.h"
#endif

#include <QTest>
#include <cstdint>
#include <limits>

using namespace coldscope;

class TestChecked : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void add() {
        constexpr auto most = std::numeric_limits<std::uint64_t>::max();
        QCOMPARE(checked_add<std::uint64_t>(most - 1, 1), most);
        QVERIFY(!checked_add<std::uint64_t>(most, 1));
        QVERIFY(!checked_add<std::uint64_t>(1, most));
        QCOMPARE(checked_add<std::uint8_t>(200, 55), std::uint8_t{255});
        QVERIFY(!checked_add<std::uint8_t>(200, 56));
    }

    void multiply() {
        constexpr std::uint64_t half = std::uint64_t{1} << 32;
        QCOMPARE(checked_mul<std::uint64_t>(half, half - 1), half * (half - 1));
        QVERIFY(!checked_mul<std::uint64_t>(half, half));
        QCOMPARE(checked_mul<std::uint32_t>(0, ~0U), 0U);
        QVERIFY(!checked_mul<std::uint16_t>(256, 256));
    }

    // Against division, for every small value and alignment, in a type that promotes and one that
    // does not.
    void align() {
        for (std::uint32_t align = 1; align <= 64; align *= 2) {
            for (std::uint32_t value = 0; value < 200; ++value) {
                const std::uint32_t down = value / align * align;
                const std::uint32_t up = (value + align - 1) / align * align;
                QCOMPARE(align_down(value, align), down);
                QCOMPARE(align_up(value, align), up);
                const auto small = static_cast<std::uint16_t>(value);
                const auto small_align = static_cast<std::uint16_t>(align);
                QCOMPARE(align_down(small, small_align), static_cast<std::uint16_t>(down));
                QCOMPARE(align_up(small, small_align), static_cast<std::uint16_t>(up));
            }
        }
        constexpr std::uint64_t high = 0xffff'ffff'f000;
        QCOMPARE(align_down<std::uint64_t>(high + 4095, 4096), high);
        QCOMPARE(align_up<std::uint64_t>(high + 1, 4096), high + 4096);
    }
};

QTEST_GUILESS_MAIN(TestChecked)
#include "test_checked.moc"
