#include "app/timeline/time_ruler.h"
#include "app/timeline/time_scale.h"

#include <QFont>
#include <QTest>
#include <random>

using namespace coldscope;
using namespace coldscope::app;

class TestTimeScale : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void columns_and_times_turn_into_each_other();
    void agrees_with_the_axis();
    void zoom_keeps_the_time_under_the_pointer();
    void zoom_there_and_back();
    void limits_hold();
    void small_factors_add_up();
    void the_last_column_is_now();
    void ticks_are_round_and_apart();
    void ticks_of_a_late_close_view();
};

namespace {
TimeScale made(Nanoseconds begin, Nanoseconds step, std::uint32_t width) {
    TimeScale scale;
    scale.begin = begin;
    scale.step = step;
    scale.width = width;
    return scale;
}
} // namespace

void TestTimeScale::columns_and_times_turn_into_each_other() {
    for (const Nanoseconds step : {1ULL, 3ULL, 1000ULL, 123'456'789ULL}) {
        const TimeScale scale = made(1'000'000'000'000, step, 2560);
        for (std::int64_t x = -300; x < 3000; x += 7) {
            QCOMPARE(scale.column_of(scale.time_at(x)), x);
            QCOMPARE(scale.column_of(scale.time_at(x) + step - 1), x);
        }
    }
    // Nothing lies before the beginning of time.
    QCOMPARE(made(10, 1000, 100).time_at(-5), Nanoseconds{0});
}

void TestTimeScale::agrees_with_the_axis() {
    const TimeScale scale = made(77, 13, 1001);
    const TimeAxis axis = scale.axis();
    for (std::uint32_t x = 0; x < scale.width; ++x) {
        QCOMPARE(axis.time_at(x), scale.time_at(x));
        QCOMPARE(axis.column_of(scale.time_at(x)), x);
    }
}

void TestTimeScale::zoom_keeps_the_time_under_the_pointer() {
    std::mt19937_64 random(3);
    for (int round = 0; round < 1000; ++round) {
        const TimeScale scale = made(second * 1000 + random() % second, 1 + random() % millisecond,
                                     static_cast<std::uint32_t>(1 + random() % 4000));
        const auto column = static_cast<std::int64_t>(random() % scale.width);
        const double factor = 0.3 + static_cast<double>(random() % 1000) / 400;
        const TimeScale other = zoomed(scale, factor, column);
        QVERIFY(std::abs(other.column_of(scale.time_at(column)) - column) <= 1);
        QCOMPARE(other.time_at(column), scale.time_at(column));
    }
}

void TestTimeScale::zoom_there_and_back() {
    TimeScale scale = made(5 * second, 100'000, 1920);
    const Nanoseconds under = scale.time_at(500);
    for (int i = 0; i < 20; ++i)
        scale = zoomed(scale, 0.7, 500);
    QVERIFY(scale.step < 100);
    for (int i = 0; i < 20; ++i)
        scale = zoomed(scale, 1 / 0.7, 500);
    QCOMPARE(scale.time_at(500), under);
}

void TestTimeScale::limits_hold() {
    const TimeLimits limits{second, 11 * second};
    for (const std::uint32_t width : {1U, 7U, 1280U, 5120U}) {
        // As close as 1 µs, as far as all of it.
        TimeScale close = kept_within(made(2 * second, 0, width), limits);
        QVERIFY(close.span() >= microsecond);
        QVERIFY(close.span() <= microsecond + width);
        TimeScale far = kept_within(made(0, second * 100, width), limits);
        QVERIFY(far.span() >= limits.length());
        QVERIFY(far.span() <= limits.length() + width);
        // Never past the ends.
        const TimeScale late =
            kept_within(made(100 * second, millisecond / width + 1, width), limits);
        QCOMPARE(late.end(), limits.end);
        const TimeScale early = kept_within(made(1, millisecond / width + 1, width), limits);
        QCOMPARE(early.begin, limits.begin);
        // A fit shows both ends.
        const TimeScale all = fitted(limits.begin, limits.end, width);
        QVERIFY(all.begin <= limits.begin && all.end() >= limits.end);
    }
}

void TestTimeScale::small_factors_add_up() {
    ZoomGesture gesture;
    TimeScale scale = made(second, 10, 1000);
    int changes = 0;
    for (int i = 0; i < 40; ++i) {
        const double factor = gesture.add(1.02, scale.step);
        if (factor != 1) {
            scale = zoomed(scale, factor, 0);
            ++changes;
        }
    }
    QVERIFY(changes > 3);
    QVERIFY(scale.step >= 21 && scale.step <= 23); // 1.02^40 is 2.2
}

void TestTimeScale::the_last_column_is_now() {
    TimeScale scale = made(3 * second, 777, 1280);
    for (const Nanoseconds now : {4 * second, 4 * second + 1, 90 * second, 4 * second}) {
        scale = ending_at(scale, now);
        QCOMPARE(scale.column_of(now), std::int64_t{1279});
    }
}

void TestTimeScale::ticks_are_round_and_apart() {
    const QFontMetricsF metrics{QFont()};
    const Nanoseconds origin = 12345;
    for (const double ratio : {1.0, 1.5, 2.0}) {
        for (Nanoseconds step = 1; step < 10 * second; step = step * 3 + 1) {
            const TimeScale scale = made(origin, step, static_cast<std::uint32_t>(1000 * ratio));
            const auto ticks = ticks_of(scale, origin, metrics, ratio);
            QVERIFY(!ticks.empty());
            QVERIFY(ticks.size() < 40);
            QCOMPARE(ticks.front().column, std::int64_t{0});
            for (std::size_t i = 1; i < ticks.size(); ++i) {
                const double distance =
                    static_cast<double>(ticks[i].column - ticks[i - 1].column) / ratio;
                QVERIFY(distance > metrics.horizontalAdvance(ticks[i - 1].label) + 4);
                QVERIFY(ticks[i].label != ticks[i - 1].label);
            }
        }
    }
}

void TestTimeScale::ticks_of_a_late_close_view() {
    const QFontMetricsF metrics{QFont()};
    const Nanoseconds origin = second;
    const auto ticks = ticks_of(made(origin + 12 * second, 50, 2000), origin, metrics, 1);
    QVERIFY(!ticks.empty());
    QVERIFY2(ticks.front().label.startsWith(QStringLiteral("12.0000")),
             qPrintable(ticks.front().label));
    // What was before the run counts backwards.
    const auto early =
        ticks_of(made(origin - 100 * millisecond, 100 * microsecond, 2000), origin, metrics, 1);
    QVERIFY(early.size() > 1);
    QVERIFY(early.front().label.startsWith(QChar(0x2212)));
    QVERIFY(!early.back().label.startsWith(QChar(0x2212)));
    std::size_t zeros = 0;
    for (std::size_t i = 0; i < early.size(); ++i) {
        zeros += early[i].column == 1000;
        QVERIFY(i == 0 || early[i].column > early[i - 1].column);
    }
    QCOMPARE(zeros, std::size_t{1});
    // A window that ends before the run, and one that is far from it.
    QVERIFY(!ticks_of(made(0, millisecond, 500), second, metrics, 1).empty());
}

QTEST_MAIN(TestTimeScale)
#include "test_time_scale.moc"
