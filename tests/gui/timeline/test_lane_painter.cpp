#include "app/timeline/lane_model.h"
#include "app/timeline/lane_painter.h"
#include "app/timeline/offset_painter.h"
#include "app/timeline/time_scale.h"
#include "app/timeline/timeline_picture.h"
#include "tests/gui/timeline/made_run.h"

#include <QPalette>
#include <QTest>
#include <set>

using namespace coldscope;
using namespace coldscope::app;

namespace {

QRgb colour(Mark mark) {
    return look(mark, Theme::light).fill.rgb();
}

// One store painted into one image, all lanes from the top.
struct Painted {
    explicit Painted(double ratio = 1) : ratio_(ratio), model_(TimelineNames{}) {}

    EventStore store;
    MadeRun run{store};
    QImage image;
    LanePainter painter;

    void paint(Nanoseconds begin, Nanoseconds end, int width, int height, Nanoseconds now = 0) {
        model_.regroup(Grouping::object, store);
        heights = lane_heights(ratio_);
        image = QImage(width, height, QImage::Format_RGB32);
        std::vector<LaneRow> rows;
        for (const Lanes::LaneId lane : model_.rows())
            rows.push_back({lane, false, false});
        const QPalette palette;
        painter.paint(image, {store,
                              model_.lanes(),
                              rows,
                              TimeAxis(begin, end, static_cast<std::uint32_t>(width)),
                              now == 0 ? store.latest() : now,
                              0,
                              heights,
                              ratio_,
                              Theme::light,
                              surface_of(palette),
                              {},
                              anchor});
    }
    // Pixels of a lane's bar in a column.
    [[nodiscard]] std::vector<QRgb> bar(int lane, int column) const {
        std::vector<QRgb> pixels;
        const int top = lane * heights.pitch + (heights.pitch - heights.bar + 1) / 2;
        for (int y = top; y < top + heights.bar; ++y)
            pixels.push_back(image.pixel(column, y));
        return pixels;
    }
    [[nodiscard]] bool all(int lane, int column, QRgb what) const {
        const auto pixels = bar(lane, column);
        return std::ranges::all_of(pixels, [what](QRgb pixel) { return pixel == what; });
    }
    [[nodiscard]] bool any(int lane, int column, QRgb what) const {
        const auto pixels = bar(lane, column);
        return std::ranges::find(pixels, what) != pixels.end();
    }

    LaneHeights heights;
    std::uint32_t anchor = 0;

private:
    double ratio_;
    LaneModel model_;
};

} // namespace

class TestLanePainter : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void folding_hides_nothing_data();
    void folding_hides_nothing();
    void the_worst_of_two_is_seen();
    void refaults_are_half_as_high();
    void prefetched_ones_are_half_as_high();
    void a_lost_one_is_hollow();
    void phases_are_seen();
    void open_requests_reach_to_now();
    void waiting_boxes();
    void every_scale_fills_its_rows();
    void nothing_to_paint();
    void a_single_pixel();
    void a_shifted_window_paints_the_same();
    void offsets();
    void offsets_by_bytes();
    void a_picture_of_a_recording();
};

void TestLanePainter::folding_hides_nothing_data() {
    QTest::addColumn<int>("kind");
    QTest::addColumn<int>("mark");
    QTest::newRow("held") << static_cast<int>(Kind::was_held) << static_cast<int>(Mark::held);
    QTest::newRow("delayed") << static_cast<int>(Kind::was_delayed)
                             << static_cast<int>(Mark::delayed);
    QTest::newRow("failed") << static_cast<int>(Kind::failed) << static_cast<int>(Mark::failed);
    QTest::newRow("lost") << static_cast<int>(Kind::lost) << static_cast<int>(Mark::lost);
}

// One among 10,000 that are folded.
void TestLanePainter::folding_hides_nothing() {
    QFETCH(const int, kind);
    QFETCH(const int, mark);
    for (const double ratio : {1.0, 1.5, 2.0}) {
        Painted painted(ratio);
        constexpr Nanoseconds gap = 1000;
        for (unsigned i = 0; i < 10'000; ++i)
            painted.run.add(0, second + i * gap, second + i * gap + 900,
                            i == 6789 ? static_cast<Kind>(kind) : Kind::answered);
        painted.paint(second, second + 10'000 * gap, 100, 40);
        const Look& what = look(static_cast<Mark>(mark), Theme::light);
        const QRgb wanted = (what.pattern == Pattern::hollow ? what.outline : what.fill).rgb();
        QVERIFY(painted.all(0, 67, wanted));
        QVERIFY(painted.all(0, 50, colour(Mark::answered)));
        QVERIFY(painted.all(0, 80, colour(Mark::answered)));
    }
}

void TestLanePainter::the_worst_of_two_is_seen() {
    Painted painted;
    painted.run.add(0, 1000, 1010, Kind::failed);
    painted.run.add(0, 1020, 1030, Kind::was_delayed);
    painted.run.add(0, 5000, 5010, Kind::answered);
    painted.paint(0, 10'000, 10, 40);
    QVERIFY(painted.all(0, 1, colour(Mark::failed)));
}

void TestLanePainter::refaults_are_half_as_high() {
    for (const double ratio : {1.0, 1.5, 2.0}) {
        Painted painted(ratio);
        painted.run.add(0, 1000, 1010, Kind::refault);
        painted.run.add(0, 5000, 9000, Kind::refault);
        painted.paint(0, 10'000, 100, 60);
        const auto narrow = painted.bar(0, 10);
        const auto filled =
            static_cast<std::size_t>(std::ranges::count(narrow, colour(Mark::refault)));
        QCOMPARE(filled, narrow.size() - narrow.size() / 2);
        QCOMPARE(narrow.back(), colour(Mark::refault));
        QVERIFY(narrow.front() != colour(Mark::refault));
        // Wide: an outline alone, in the lower half.
        const QRgb outline = look(Mark::refault, Theme::light).outline.rgb();
        const auto wide = painted.bar(0, 70);
        QCOMPARE(wide.back(), outline);
        QCOMPARE(wide[wide.size() / 2], outline);
        QCOMPARE(std::ranges::count(wide, outline), 2);
    }
}

// And hide no request, not even a refault, where they are folded together.
void TestLanePainter::prefetched_ones_are_half_as_high() {
    for (const double ratio : {1.0, 1.5, 2.0}) {
        Painted painted(ratio);
        painted.run.add(0, 1000, 1010, Kind::prefetched);
        painted.run.add(0, 3000, 3010, Kind::prefetched);
        painted.run.add(0, 3020, 3030, Kind::refault);
        painted.run.add(0, 4000, 4010, Kind::prefetched);
        painted.run.add(0, 4020, 4030, Kind::answered);
        painted.run.add(0, 5000, 9000, Kind::prefetched);
        painted.paint(0, 10'000, 100, 60);
        for (const int column : {10, 70}) {
            const auto bar = painted.bar(0, column);
            QCOMPARE(static_cast<std::size_t>(std::ranges::count(bar, colour(Mark::prefetch))),
                     bar.size() - bar.size() / 2);
            QCOMPARE(bar.back(), colour(Mark::prefetch));
            QVERIFY(bar.front() != colour(Mark::prefetch));
        }
        QCOMPARE(painted.bar(0, 30).back(), colour(Mark::refault));
        QVERIFY(painted.all(0, 40, colour(Mark::answered)));
    }
}

void TestLanePainter::a_lost_one_is_hollow() {
    Painted painted;
    painted.run.add(0, 2000, 8000, Kind::lost);
    painted.paint(0, 10'000, 100, 40);
    const QRgb outline = look(Mark::lost, Theme::light).outline.rgb();
    QVERIFY(painted.all(0, 20, outline));
    const auto inside = painted.bar(0, 70);
    QCOMPARE(std::ranges::count(inside, outline), 2);
    // And has its glyph.
    bool glyph = false;
    for (int x = 22; x < 35; ++x)
        glyph = glyph || std::ranges::count(painted.bar(0, x), outline) > 2;
    QVERIFY(glyph);
}

void TestLanePainter::phases_are_seen() {
    Painted painted;
    // Fetching from a quarter, filling from three quarters.
    painted.run.add(0, 0, 8000, Kind::answered);
    // Held until the half, fetching then.
    painted.run.add(1, 0, 8000, Kind::was_held);
    painted.paint(0, 8000, 80, 60);
    QVERIFY(!painted.any(0, 10, colour(Mark::fetching)));
    QVERIFY(painted.all(0, 40, colour(Mark::fetching)));
    QVERIFY(painted.all(0, 70, colour(Mark::filling)));
    QVERIFY(painted.any(1, 25, colour(Mark::held)));
    QVERIFY(painted.all(1, 60, colour(Mark::fetching)));
    // The hatch.
    std::set<QRgb> seen;
    for (int x = 20; x < 38; ++x) {
        for (const QRgb pixel : painted.bar(1, x))
            seen.insert(pixel);
    }
    QVERIFY(seen.contains(look(Mark::held, Theme::light).outline.rgb()));
}

void TestLanePainter::open_requests_reach_to_now() {
    Painted painted;
    painted.run.add(0, 2000, 0, Kind::held);
    painted.run.add(1, 4000, 0, Kind::fetching);
    painted.paint(0, 10'000, 100, 60, 7000);
    QVERIFY(painted.any(0, 70, colour(Mark::held)));
    QVERIFY(!painted.any(0, 72, colour(Mark::held)));
    QVERIFY(painted.all(1, 69, colour(Mark::fetching)));
    QVERIFY(!painted.any(1, 72, colour(Mark::fetching)));
    QVERIFY(!painted.any(1, 38, colour(Mark::fetching)));
    // Time goes on.
    painted.paint(0, 10'000, 100, 60, 9000);
    QVERIFY(painted.any(0, 90, colour(Mark::held)));
    QVERIFY(painted.all(1, 89, colour(Mark::fetching)));
}

void TestLanePainter::waiting_boxes() {
    Painted painted;
    painted.run.add(0, 1000, 2000, Kind::answered);
    const Row held = painted.run.add(0, 3000, 0, Kind::held);
    painted.paint(0, 10'000, 100, 60, 9000);
    QCOMPARE(painted.painter.waiting().size(), std::size_t{1});
    QCOMPARE(painted.painter.waiting()[0].row, held);
    QCOMPARE(painted.painter.waiting()[0].box.left(), 30);
    QCOMPARE(painted.painter.waiting()[0].box.right(), 90);
}

void TestLanePainter::every_scale_fills_its_rows() {
    for (const double ratio : {1.0, 1.25, 1.5, 2.0, 3.0}) {
        Painted painted(ratio);
        painted.run.add(0, 0, 9000, Kind::failed);
        painted.run.add(0, 0, 9000, Kind::failed); // a second lane
        painted.paint(0, 10'000, 100, 200);
        QVERIFY(painted.heights.bar < painted.heights.pitch);
        QVERIFY(painted.all(0, 80, colour(Mark::failed)));
        QVERIFY(painted.all(1, 80, colour(Mark::failed)));
    }
}

void TestLanePainter::nothing_to_paint() {
    Painted painted;
    painted.paint(0, 1000, 50, 20);
    std::set<QRgb> seen;
    for (int y = 0; y < 20; ++y) {
        for (int x = 0; x < 50; ++x)
            seen.insert(painted.image.pixel(x, y));
    }
    QCOMPARE(seen.size(), std::size_t{1});
}

void TestLanePainter::a_single_pixel() {
    Painted painted;
    painted.run.add(0, 100, 200, Kind::failed);
    painted.run.add(0, 300, 0, Kind::held);
    painted.paint(0, 1000, 1, 1);
    painted.paint(0, 1000, 1, 40);
    QVERIFY(painted.any(0, 0, colour(Mark::held)));
}

// What a pan finds painted is what it would paint.
void TestLanePainter::a_shifted_window_paints_the_same() {
    Painted painted;
    for (unsigned i = 0; i < 3000; ++i)
        painted.run.add(i % 3, 1000 + i * 700, 1000 + i * 700 + (i * 7919) % 1900,
                        static_cast<Kind>((i * 31) % 6));
    painted.paint(100'000, 100'000 + 400 * 1000, 400, 60);
    const QImage first = painted.image;
    painted.anchor = 50;
    painted.paint(150'000, 150'000 + 400 * 1000, 400, 60);
    // Apart from the edges, where boxes are cut.
    std::size_t same = 0;
    std::size_t all = 0;
    for (int x = 5; x < 345; ++x) {
        for (int y = 0; y < 60; ++y) {
            ++all;
            same += first.pixel(x + 50, y) == painted.image.pixel(x, y);
        }
    }
    QVERIFY2(same == all, qPrintable(QStringLiteral("%1 of %2").arg(same).arg(all)));
}

void TestLanePainter::offsets() {
    EventStore store;
    MadeRun run(store);
    run.length = 1000;
    run.offset = 0;
    run.add(0, 0, 2000, Kind::failed);
    run.offset = 9000;
    run.add(0, 5000, 7000, Kind::answered);
    run.offset = 5000;
    run.add(7, 5000, 7000, Kind::failed); // of another object
    LaneModel model{TimelineNames{}};
    model.regroup(Grouping::process, store);
    QImage image(100, 100, QImage::Format_RGB32);
    OffsetPainter painter;
    const QPalette palette;
    const OffsetScene scene{store,
                            model.lanes(),
                            model.rows(),
                            0,
                            10'000,
                            TimeAxis(0, 10'000, 100),
                            store.latest(),
                            1,
                            Theme::light,
                            surface_of(palette),
                            {}};
    painter.paint(image, scene);
    QCOMPARE(image.pixel(10, 95), colour(Mark::failed));
    QCOMPARE(image.pixel(60, 5), colour(Mark::answered));
    QCOMPARE(image.pixel(60, 45), palette.color(QPalette::Base).rgb());
    QCOMPARE(painter.every(), std::size_t{1});
    QCOMPARE(offset_hit_test(scene, 1000, 100, 500, 100), std::optional<Row>(0));
    QCOMPARE(offset_hit_test(scene, 6000, 100, 9500, 100), std::optional<Row>(1));
    QCOMPARE(offset_hit_test(scene, 6000, 100, 5500, 100), std::optional<Row>());
}

void TestLanePainter::offsets_by_bytes() {
    QCOMPARE(rows_of(0, 10, 100, 100).bottom, 100);
    QCOMPARE(rows_of(0, 10, 100, 100).top, 90);
    QCOMPARE(rows_of(90, 10, 100, 100).top, 0);
    // At least a row, whatever it is given.
    for (const std::uint64_t offset : {0ULL, 50ULL, 100ULL, ~0ULL}) {
        const OffsetRows rows = rows_of(offset, 0, 100, 7);
        QVERIFY(rows.top >= 0 && rows.top < rows.bottom && rows.bottom <= 7);
    }
}

void TestLanePainter::a_picture_of_a_recording() {
    EventStore store;
    PictureOptions options;
    options.size = {400, 0};
    QVERIFY(!render_timeline(store, {}, options).isNull());
    MadeRun run(store);
    for (unsigned i = 0; i < 1000; ++i)
        run.add(i % 5, 1000 + i * 500, 1000 + i * 500 + 400,
                i == 500 ? Kind::failed : Kind::answered);
    for (const double ratio : {1.0, 1.5, 2.0}) {
        options.ratio = ratio;
        const QImage picture = render_timeline(store, {}, options);
        QCOMPARE(picture.width(), static_cast<int>(400 * ratio));
        bool failed = false;
        for (int y = 0; y < picture.height(); ++y) {
            for (int x = 0; x < picture.width(); ++x)
                failed = failed || picture.pixel(x, y) == colour(Mark::failed);
        }
        QVERIFY(failed);
    }
    options.size = {1, 1};
    QVERIFY(!render_timeline(store, {}, options).isNull());
}

QTEST_MAIN(TestLanePainter)
#include "test_lane_painter.moc"
