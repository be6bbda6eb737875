// The timeline as a person works with it: pointer, wheel, keyboard. Run at several scales of the
// screen.
#include "app/timeline/overview_strip.h"
#include "tests/gui/timeline/shown_timeline.h"

#include <QApplication>
#include <QClipboard>
#include <QMenu>
#include <QScrollBar>

using namespace coldscope;
using namespace coldscope::app;

class TestTimelineHands : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void click_chooses_what_is_painted_there();
    void click_beside_chooses_nothing();
    void a_thin_request_is_hit();
    void the_wheel_zooms_at_the_pointer();
    void wheels_that_pan_and_scroll();
    void drag_pans();
    void shift_drag_zooms_to_the_span();
    void keys_zoom_and_pan();
    void keys_choose();
    void enter_zooms_to_the_chosen();
    void copies_the_chosen();
    void offsets_can_be_clicked();
    void overview_moves_the_view();
    void overview_by_keyboard();
    void the_context_menu();
    void keys_of_the_window_pass();
};

void TestTimelineHands::click_chooses_what_is_painted_there() {
    Shown shown;
    shown.fill(40);
    shown.show();
    for (Row row = 0; row < 40; row += 3) {
        const auto rect = shown.canvas().rect_of(row);
        QVERIFY(rect);
        QTest::mouseClick(shown.port(), Qt::LeftButton, {}, rect->center().toPoint());
        QCOMPARE(shown.chosen(), std::optional(row));
    }
}

void TestTimelineHands::click_beside_chooses_nothing() {
    Shown shown;
    shown.fill(2, 2);
    shown.show();
    const QRect plot = shown.canvas().plot();
    // Below all lanes, on a label, on the ruler.
    QTest::mouseClick(shown.port(), Qt::LeftButton, {}, plot.bottomRight() - QPoint(20, 20));
    QTest::mouseClick(shown.port(), Qt::LeftButton, {}, {10, plot.top() + 5});
    QTest::mouseClick(shown.port(), Qt::LeftButton, {}, {plot.left() + 50, 5});
    QVERIFY(!shown.chosen());
}

void TestTimelineHands::a_thin_request_is_hit() {
    Shown shown;
    shown.run.add(0, start_of_run, start_of_run + 1000, Kind::answered);
    const Row thin = shown.run.add(0, start_of_run + second, start_of_run + second + 10);
    shown.run.add(0, start_of_run + 2 * second, start_of_run + 2 * second + 10);
    shown.show();
    const auto rect = shown.canvas().rect_of(thin);
    QVERIFY(rect && rect->width() <= 2);
    QTest::mouseClick(shown.port(), Qt::LeftButton, {}, rect->center().toPoint() + QPoint(2, 0));
    QCOMPARE(shown.chosen(), std::optional(thin));
}

void TestTimelineHands::the_wheel_zooms_at_the_pointer() {
    Shown shown;
    shown.fill();
    shown.show();
    const QPoint pointer(shown.canvas().plot().left() + 333, shown.canvas().plot().top() + 20);
    const Nanoseconds under = shown.canvas().scale().time_at(shown.column(pointer));
    Nanoseconds before = shown.canvas().scale().span();
    for (int i = 0; i < 10; ++i) {
        shown.wheel(pointer, {0, 120});
        QVERIFY(shown.canvas().scale().span() < before);
        before = shown.canvas().scale().span();
        QVERIFY(std::abs(shown.canvas().scale().column_of(under) - shown.column(pointer)) <= 1);
    }
    for (int i = 0; i < 40; ++i)
        shown.wheel(pointer, {0, -120});
    // The whole run, and no further.
    const TimeLimits all = shown.canvas().limits();
    QVERIFY(shown.canvas().scale().begin <= all.begin);
    QVERIFY(shown.canvas().scale().end() >= all.end);
    QVERIFY(shown.canvas().scale().span() <= all.length() + shown.canvas().scale().width);
}

void TestTimelineHands::wheels_that_pan_and_scroll() {
    Shown shown;
    shown.fill(400, 80);
    shown.show();
    shown.canvas().zoom(0.1);
    const TimeScale before = shown.canvas().scale();
    shown.wheel({500, 100}, {0, -120}, Qt::ShiftModifier);
    QVERIFY(shown.canvas().scale().begin > before.begin);
    QCOMPARE(shown.canvas().scale().step, before.step);
    shown.wheel({500, 100}, {120, 0});
    QCOMPARE(shown.canvas().scale().begin, before.begin);
    QCOMPARE(shown.canvas().verticalScrollBar()->value(), 0);
    shown.wheel({500, 100}, {0, -120}, Qt::ControlModifier);
    QVERIFY(shown.canvas().verticalScrollBar()->value() > 0);
    QCOMPARE(shown.canvas().scale(), before);
}

void TestTimelineHands::drag_pans() {
    Shown shown;
    shown.fill();
    shown.show();
    shown.canvas().zoom(0.1);
    const QPoint from(600, 100);
    const Nanoseconds under = shown.canvas().scale().time_at(shown.column(from));
    const QPoint to(450, 100);
    shown.drag(from, to);
    QVERIFY(std::abs(shown.canvas().scale().column_of(under) - shown.column(to)) <= 1);
    QVERIFY(!shown.chosen());
}

void TestTimelineHands::shift_drag_zooms_to_the_span() {
    Shown shown;
    shown.fill();
    shown.show();
    const QPoint from(700, 60);
    const QPoint to(400, 120);
    const Nanoseconds begin = shown.canvas().scale().time_at(shown.column(to));
    const Nanoseconds end = shown.canvas().scale().time_at(shown.column(from));
    shown.drag(from, to, Qt::ShiftModifier);
    const TimeScale& scale = shown.canvas().scale();
    QVERIFY(scale.begin <= begin && scale.end() >= end);
    QVERIFY(scale.span() < end - begin + 2 * scale.width);
}

void TestTimelineHands::keys_zoom_and_pan() {
    Shown shown;
    shown.fill();
    shown.show();
    const TimeScale all = shown.canvas().scale();
    for (int i = 0; i < 5; ++i)
        shown.key(Qt::Key_Plus);
    QVERIFY(shown.canvas().scale().span() * 4 < all.span());
    const TimeScale close = shown.canvas().scale();
    shown.key(Qt::Key_Right, Qt::ShiftModifier);
    QVERIFY(shown.canvas().scale().begin > close.begin);
    shown.key(Qt::Key_Left, Qt::ShiftModifier);
    QCOMPARE(shown.canvas().scale(), close);
    shown.key(Qt::Key_Home);
    QCOMPARE(shown.canvas().scale().begin, shown.canvas().limits().begin);
    shown.key(Qt::Key_End);
    QCOMPARE(shown.canvas().scale().end(), shown.canvas().limits().end);
    shown.key(Qt::Key_0);
    QCOMPARE(shown.canvas().scale(), all);
    shown.key(Qt::Key_Plus);
    shown.key(Qt::Key_Minus);
    shown.key(Qt::Key_Minus);
    QVERIFY(shown.canvas().scale().span() >= all.span());
}

void TestTimelineHands::keys_choose() {
    Shown shown;
    shown.fill();
    shown.show();
    shown.key(Qt::Key_J);
    QCOMPARE(shown.chosen(), std::optional<Row>(0));
    shown.key(Qt::Key_J);
    shown.key(Qt::Key_J);
    QCOMPARE(shown.chosen(), std::optional<Row>(2));
    shown.key(Qt::Key_K);
    QCOMPARE(shown.chosen(), std::optional<Row>(1));
    shown.key(Qt::Key_Right); // in its lane, of four
    QCOMPARE(shown.chosen(), std::optional<Row>(5));
    shown.key(Qt::Key_Left);
    shown.key(Qt::Key_Left); // there is none before it
    QCOMPARE(shown.chosen(), std::optional<Row>(1));
    shown.key(Qt::Key_Down); // the nearest in the next lane
    QCOMPARE(shown.chosen(), std::optional<Row>(2));
    shown.key(Qt::Key_Up);
    shown.key(Qt::Key_Up);
    QCOMPARE(shown.chosen(), std::optional<Row>(0));
    shown.key(Qt::Key_Up);
    QCOMPARE(shown.chosen(), std::optional<Row>(0));
    shown.key(Qt::Key_K);
    QCOMPARE(shown.chosen(), std::optional<Row>(0));
    // To the open one at a lane's end, and not further.
    const Row open = shown.run.add(0, start_of_run + second, 0, Kind::held);
    shown.tell();
    shown.workspace.choose_request(396);
    shown.key(Qt::Key_Right);
    QCOMPARE(shown.chosen(), std::optional(open));
    shown.key(Qt::Key_Right);
    QCOMPARE(shown.chosen(), std::optional(open));
    shown.key(Qt::Key_J);
    QCOMPARE(shown.chosen(), std::optional(open));
}

void TestTimelineHands::enter_zooms_to_the_chosen() {
    Shown shown;
    shown.fill();
    shown.show();
    shown.workspace.choose_request(123);
    shown.key(Qt::Key_Return);
    const RequestRow& row = shown.store()[123];
    const TimeScale& scale = shown.canvas().scale();
    QVERIFY(scale.begin < row.start && scale.end() > row.end());
    QVERIFY(scale.span() < 3 * (row.end() - row.start));
}

void TestTimelineHands::copies_the_chosen() {
    Shown shown;
    shown.fill();
    shown.show();
    shown.workspace.choose_request(7);
    QTest::keySequence(&shown.canvas(), QKeySequence::Copy);
    const QString text = QApplication::clipboard()->text();
    QVERIFY2(text.startsWith(QStringLiteral("#8\t7\u2009ms\t")), qPrintable(text));
    QVERIFY(text.contains(QStringLiteral("EIO")));
    QVERIFY(text.contains(QStringLiteral("cat (101)")));
    QVERIFY(!text.contains(u'\n'));
}

void TestTimelineHands::offsets_can_be_clicked() {
    Shown shown;
    shown.fill(100, 2);
    shown.show();
    shown.canvas().set_mode(TimelineCanvas::Mode::offset);
    QCOMPARE(shown.canvas().objects(), (std::vector<ObjectId>{0, 1}));
    for (const Row row : {10U, 48U, 90U}) {
        const auto rect = shown.canvas().rect_of(row);
        QVERIFY(rect);
        QTest::mouseClick(shown.port(), Qt::LeftButton, {}, rect->center().toPoint());
        QCOMPARE(shown.chosen(), std::optional(row));
    }
    QVERIFY(!shown.canvas().rect_of(11)); // of the other object
    // Who chooses one of the other object sees that object.
    shown.workspace.choose_request(11);
    QCOMPARE(shown.canvas().object(), ObjectId{1});
    QVERIFY(shown.canvas().rect_of(11));
    (void)shown.view->grab();
}

void TestTimelineHands::overview_moves_the_view() {
    Shown shown;
    shown.fill();
    shown.show();
    OverviewStrip& strip = shown.view->overview();
    (void)strip.grab();
    shown.canvas().zoom(0.2);
    const Nanoseconds span = shown.canvas().scale().span();
    const int y = strip.height() / 2;
    // A click centres.
    QTest::mouseClick(&strip, Qt::LeftButton, {}, {strip.width() / 5, y});
    QVERIFY(std::abs(strip.brush().center().x() - strip.width() / 5.0) < 3);
    QCOMPARE(shown.canvas().scale().span(), span);
    // The inside moves it.
    QPoint inside = strip.brush().center().toPoint();
    inside.setY(y);
    QTest::mousePress(&strip, Qt::LeftButton, {}, inside);
    QTest::mouseMove(&strip, inside + QPoint(200, 0));
    QTest::mouseRelease(&strip, Qt::LeftButton, {}, inside + QPoint(200, 0));
    QVERIFY(std::abs(strip.brush().center().x() - inside.x() - 200) < 3);
    QCOMPARE(shown.canvas().scale().span(), span);
    // An edge widens it.
    const QRectF before = strip.brush();
    const QPoint edge(static_cast<int>(before.right()) - 2, y);
    QTest::mousePress(&strip, Qt::LeftButton, {}, edge);
    QTest::mouseMove(&strip, edge + QPoint(60, 0));
    QTest::mouseRelease(&strip, Qt::LeftButton, {}, edge + QPoint(60, 0));
    QVERIFY(std::abs(strip.brush().left() - before.left()) < 3);
    QVERIFY(std::abs(strip.brush().right() - before.right() - 60) < 5);
}

void TestTimelineHands::overview_by_keyboard() {
    Shown shown;
    shown.fill();
    shown.show();
    shown.canvas().zoom(0.2);
    const TimeScale before = shown.canvas().scale();
    QTest::keyClick(&shown.view->overview(), Qt::Key_Right);
    QVERIFY(shown.canvas().scale().begin > before.begin);
    QTest::keyClick(&shown.view->overview(), Qt::Key_Left);
    QCOMPARE(shown.canvas().scale(), before);
    QTest::keyClick(&shown.view->overview(), Qt::Key_Plus);
    QVERIFY(shown.canvas().scale().span() < before.span());
}

void TestTimelineHands::the_context_menu() {
    Shown shown;
    shown.fill(40);
    shown.show();
    const auto rect = shown.canvas().rect_of(3);
    QContextMenuEvent event(QContextMenuEvent::Mouse, rect->center().toPoint(),
                            shown.port()->mapToGlobal(rect->center().toPoint()));
    QCoreApplication::sendEvent(shown.port(), &event);
    QCOMPARE(shown.chosen(), std::optional<Row>(3));
    auto* menu = shown.canvas().findChild<QMenu*>();
    QVERIFY(menu);
    QStringList texts;
    for (QAction* action : menu->actions()) {
        texts.push_back(action->text());
        if (action->text() == QStringLiteral("Zoom to this request"))
            action->trigger();
    }
    QVERIFY(texts.contains(QStringLiteral("Copy row")));
    QVERIFY(texts.contains(QStringLiteral("Copy picture")));
    QVERIFY(shown.canvas().scale().span() < 3 * millisecond);
    menu->close();
}

// Alt+Left, Ctrl+R and the like are not the canvas's.
void TestTimelineHands::keys_of_the_window_pass() {
    Shown shown;
    shown.fill(40);
    shown.show();
    shown.workspace.choose_request(5);
    QKeyEvent back(QEvent::KeyPress, Qt::Key_Left, Qt::AltModifier);
    QCoreApplication::sendEvent(&shown.canvas(), &back);
    QCOMPARE(shown.chosen(), std::optional<Row>(5));
    QVERIFY(!back.isAccepted());
}

QTEST_MAIN(TestTimelineHands)
#include "test_timeline_hands.moc"
