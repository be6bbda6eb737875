// The timeline as a person works with it: pointer, wheel, keyboard. Run at several scales of the
// screen.
#include "app/run/workspace.h"
#include "app/timeline/overview_strip.h"
#include "app/timeline/timeline_canvas.h"
#include "app/timeline/timeline_view.h"
#include "tests/gui/timeline/made_run.h"

#include <QAbstractButton>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QMenu>
#include <QScrollBar>
#include <QTest>
#include <QWheelEvent>

using namespace coldscope;
using namespace coldscope::app;

namespace {

constexpr Nanoseconds start_of_run = 1000 * second;

struct Shown {
    Workspace workspace;
    MadeRun run{workspace.host().store()};
    std::unique_ptr<TimelineView> view;

    // 100 requests of each of four objects, a millisecond each, one after the other.
    void fill(unsigned count = 400, unsigned objects = 4) {
        for (unsigned i = 0; i < count; ++i) {
            run.pid = 100 + i % 3;
            run.offset = i * 4096;
            run.add(i % objects, start_of_run + i * millisecond,
                    start_of_run + i * millisecond + 900 * microsecond,
                    i % 50 == 7 ? Kind::failed : Kind::answered);
        }
    }
    void show(const QSize& size = {900, 400}) {
        view = std::make_unique<TimelineView>(workspace);
        view->resize(size);
        view->show();
        QVERIFY(QTest::qWaitForWindowExposed(view.get()));
    }
    void tell() {
        Q_EMIT workspace.host().advanced();
        QCoreApplication::processEvents();
    }
    [[nodiscard]] TimelineCanvas& canvas() const { return view->canvas(); }
    [[nodiscard]] QWidget* port() const { return view->canvas().viewport(); }
    [[nodiscard]] EventStore& store() { return workspace.host().store(); }
    [[nodiscard]] std::optional<Row> chosen() { return workspace.selection().current().request; }
    void key(Qt::Key key, Qt::KeyboardModifiers keys = Qt::NoModifier) const {
        QTest::keyClick(&view->canvas(), key, keys);
    }
    void wheel(const QPointF& at, const QPoint& angle,
               Qt::KeyboardModifiers keys = Qt::NoModifier) const {
        QWheelEvent event(at, port()->mapToGlobal(at), {}, angle, Qt::NoButton, keys,
                          Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(port(), &event);
    }
    void drag(const QPoint& from, const QPoint& to,
              Qt::KeyboardModifiers keys = Qt::NoModifier) const {
        QTest::mousePress(port(), Qt::LeftButton, keys, from);
        QTest::mouseMove(port(), (from + to) / 2);
        QTest::mouseMove(port(), to);
        QTest::mouseRelease(port(), Qt::LeftButton, keys, to);
    }
    // The column under a point of the viewport.
    [[nodiscard]] std::int64_t column(const QPoint& point) const {
        return static_cast<std::int64_t>((point.x() - view->canvas().plot().left()) *
                                         port()->devicePixelRatioF());
    }
};

} // namespace

class TestTimeline : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void says_what_to_do_when_empty();
    void any_size_will_do();
    void a_run_of_one_request();
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
    void shows_what_others_choose();
    void scrolls_to_what_others_choose();
    void back_and_forward_through_views();
    void another_grouping_keeps_the_choice();
    void offsets_can_be_clicked();
    void overview_moves_the_view();
    void overview_by_keyboard();
    void new_requests_come_in();
    void nothing_is_done_while_hidden();
    void it_has_names();
    void the_context_menu();
    void keys_of_the_window_pass();
    void the_ground_is_painted();
};

void TestTimeline::says_what_to_do_when_empty() {
    Shown shown;
    shown.show();
    const QImage empty = shown.port()->grab().toImage();
    // There is text: more than one colour.
    bool text = false;
    for (int y = 0; y < empty.height() && !text; ++y) {
        for (int x = 0; x < empty.width() && !text; ++x)
            text = empty.pixel(x, y) != empty.pixel(0, 0);
    }
    QVERIFY(text);
    for (const Qt::Key key : {Qt::Key_J, Qt::Key_K, Qt::Key_Return, Qt::Key_Plus, Qt::Key_Minus,
                              Qt::Key_Home, Qt::Key_End, Qt::Key_Left, Qt::Key_Down, Qt::Key_0})
        shown.key(key);
    QTest::mouseClick(shown.port(), Qt::LeftButton, {}, {300, 100});
    QTest::mouseClick(&shown.view->overview(), Qt::LeftButton, {}, {300, 10});
    shown.wheel({300, 100}, {0, 120});
    QVERIFY(!shown.chosen());
    // It begins to show when something comes.
    shown.fill(10);
    shown.tell();
    QVERIFY(shown.port()->grab().toImage() != empty);
}

void TestTimeline::any_size_will_do() {
    Shown shown;
    shown.show();
    for (const bool filled : {false, true}) {
        if (filled) {
            shown.fill();
            shown.tell();
        }
        for (const QSize size : {QSize(1, 1), QSize(60, 30), QSize(1, 400), QSize(2000, 1)}) {
            shown.canvas().resize(size);
            (void)shown.canvas().grab();
            shown.view->overview().resize(size);
            (void)shown.view->overview().grab();
            shown.key(Qt::Key_Plus);
            shown.key(Qt::Key_Minus);
            shown.wheel({0, 0}, {0, 120});
        }
    }
}

void TestTimeline::a_run_of_one_request() {
    Shown shown;
    const Row row = shown.run.add(0, start_of_run, start_of_run + millisecond, Kind::answered);
    shown.show();
    const auto rect = shown.canvas().rect_of(row);
    QVERIFY(rect);
    QVERIFY(rect->width() > shown.canvas().plot().width() * 0.8);
    QTest::mouseClick(shown.port(), Qt::LeftButton, {}, rect->center().toPoint());
    QCOMPARE(shown.chosen(), std::optional(row));
    for (int i = 0; i < 100; ++i)
        shown.key(Qt::Key_Plus);
    QVERIFY(shown.canvas().scale().span() >= microsecond);
    QVERIFY(shown.canvas().scale().span() < 10 * microsecond);
    for (int i = 0; i < 100; ++i)
        shown.key(Qt::Key_Minus);
    QVERIFY(shown.canvas().scale().span() >= millisecond);
    QVERIFY(shown.canvas().scale().span() < 2 * millisecond);
}

void TestTimeline::click_chooses_what_is_painted_there() {
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

void TestTimeline::click_beside_chooses_nothing() {
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

void TestTimeline::a_thin_request_is_hit() {
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

void TestTimeline::the_wheel_zooms_at_the_pointer() {
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

void TestTimeline::wheels_that_pan_and_scroll() {
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

void TestTimeline::drag_pans() {
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

void TestTimeline::shift_drag_zooms_to_the_span() {
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

void TestTimeline::keys_zoom_and_pan() {
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

void TestTimeline::keys_choose() {
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

void TestTimeline::enter_zooms_to_the_chosen() {
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

void TestTimeline::copies_the_chosen() {
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

void TestTimeline::shows_what_others_choose() {
    Shown shown;
    shown.fill();
    shown.show();
    shown.workspace.choose_request(0);
    shown.key(Qt::Key_Return);
    const TimeScale before = shown.canvas().scale();
    shown.workspace.choose_request(0);
    QCOMPARE(shown.canvas().scale(), before);
    shown.workspace.choose_request(300);
    QCOMPARE(shown.canvas().scale().step, before.step);
    const auto rect = shown.canvas().rect_of(300);
    QVERIFY(rect);
    QVERIFY(QRectF(shown.canvas().plot()).intersects(*rect));
}

void TestTimeline::scrolls_to_what_others_choose() {
    Shown shown;
    shown.fill(400, 80);
    shown.show();
    QVERIFY(shown.canvas().verticalScrollBar()->maximum() > 0);
    shown.workspace.choose_request(79);
    auto rect = shown.canvas().rect_of(79);
    QVERIFY(rect && QRectF(shown.canvas().plot()).contains(rect->center()));
    QVERIFY(shown.canvas().verticalScrollBar()->value() > 0);
    shown.workspace.choose_request(1);
    rect = shown.canvas().rect_of(1);
    QVERIFY(rect && QRectF(shown.canvas().plot()).contains(rect->center()));
}

void TestTimeline::back_and_forward_through_views() {
    Shown shown;
    shown.fill();
    shown.show();
    Selection& selection = shown.workspace.selection();
    shown.canvas().zoom(0.5);
    const TimeScale all = shown.canvas().scale();
    QTRY_VERIFY((selection.current().view == TimeSpan{all.begin, all.end()}));
    shown.canvas().zoom(0.01);
    const TimeScale close = shown.canvas().scale();
    QTRY_VERIFY((selection.current().view == TimeSpan{close.begin, close.end()}));
    shown.canvas().pan(500);
    const TimeScale later = shown.canvas().scale();
    QTRY_VERIFY((selection.current().view == TimeSpan{later.begin, later.end()}));
    selection.back();
    QCOMPARE(shown.canvas().scale(), close);
    selection.back();
    QCOMPARE(shown.canvas().scale(), all);
    selection.back(); // where it was before anything was done
    QVERIFY(shown.canvas().scale().step > all.step);
    QVERIFY(!selection.can_go_back());
    selection.forward();
    QCOMPARE(shown.canvas().scale(), all);
    selection.forward();
    QCOMPARE(shown.canvas().scale(), close);
    selection.forward();
    QCOMPARE(shown.canvas().scale(), later);
    QVERIFY(!selection.can_go_forward());
    // Looking about on the way back starts another way forward.
    selection.back();
    shown.canvas().zoom(0.5);
    QTRY_VERIFY(!selection.can_go_forward());
}

void TestTimeline::another_grouping_keeps_the_choice() {
    Shown shown;
    shown.fill();
    shown.show();
    shown.workspace.choose_request(5);
    const QString object = shown.canvas().model().groups()[0].label;
    auto* by = shown.view->findChild<QComboBox*>();
    QVERIFY(by);
    by->setCurrentIndex(1);
    QCOMPARE(shown.canvas().grouping(), Grouping::process);
    QCOMPARE(shown.canvas().model().groups().size(), std::size_t{3});
    QCOMPARE(shown.canvas().model().groups()[0].label, QStringLiteral("cat (100)"));
    QVERIFY(shown.canvas().rect_of(5));
    by->setCurrentIndex(2);
    QCOMPARE(shown.canvas().model().groups().size(), std::size_t{1}); // no image: no files
    by->setCurrentIndex(0);
    QCOMPARE(shown.canvas().model().groups()[0].label, object);
    QCOMPARE(shown.chosen(), std::optional<Row>(5));
}

void TestTimeline::offsets_can_be_clicked() {
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

void TestTimeline::overview_moves_the_view() {
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

void TestTimeline::overview_by_keyboard() {
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

void TestTimeline::new_requests_come_in() {
    Shown shown;
    shown.fill(40);
    shown.show();
    const Nanoseconds end = shown.canvas().scale().end();
    const Row row = shown.run.add(9, start_of_run + second, 0, Kind::held);
    shown.tell();
    QCOMPARE(shown.canvas().model().groups().size(), std::size_t{5});
    // The whole run is shown still, as nobody asked for a part.
    QVERIFY(shown.canvas().scale().end() > end);
    QVERIFY(shown.canvas().rect_of(row));
    shown.canvas().zoom(0.1);
    const TimeScale part = shown.canvas().scale();
    shown.run.add(9, start_of_run + 9 * second, 0, Kind::held);
    shown.tell();
    QCOMPARE(shown.canvas().scale(), part);
}

void TestTimeline::nothing_is_done_while_hidden() {
    Shown shown;
    shown.fill(40);
    shown.show();
    shown.view->hide();
    shown.run.add(9, start_of_run + second, 0, Kind::held);
    shown.tell();
    QCOMPARE(shown.canvas().model().groups().size(), std::size_t{4});
    shown.view->show();
    QCOMPARE(shown.canvas().model().groups().size(), std::size_t{5});
}

void TestTimeline::it_has_names() {
    Shown shown;
    shown.show();
    for (const QWidget* widget : std::initializer_list<QWidget*>{shown.view.get(), &shown.canvas(),
                                                                 &shown.view->overview()})
        QVERIFY(!widget->accessibleName().isEmpty());
    for (const auto* button : shown.view->findChildren<QAbstractButton*>())
        QVERIFY2(!button->accessibleName().isEmpty(), qPrintable(button->objectName()));
    for (const auto* box : shown.view->findChildren<QComboBox*>())
        QVERIFY(!box->accessibleName().isEmpty());
    QVERIFY((shown.canvas().focusPolicy() & Qt::TabFocus) != 0);
    QVERIFY((shown.view->overview().focusPolicy() & Qt::TabFocus) != 0);
}

void TestTimeline::the_context_menu() {
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
void TestTimeline::keys_of_the_window_pass() {
    Shown shown;
    shown.fill(40);
    shown.show();
    shown.workspace.choose_request(5);
    QKeyEvent back(QEvent::KeyPress, Qt::Key_Left, Qt::AltModifier);
    QCoreApplication::sendEvent(&shown.canvas(), &back);
    QCOMPARE(shown.chosen(), std::optional<Row>(5));
    QVERIFY(!back.isAccepted());
}

void TestTimeline::the_ground_is_painted() {
    Shown shown;
    shown.fill(2, 2);
    shown.show();
    const QImage picture = shown.port()->grab().toImage();
    const QRgb base = shown.view->palette().color(QPalette::Base).rgb();
    QCOMPARE(picture.pixel(8, picture.height() - 8), base);
    QCOMPARE(picture.pixel(picture.width() - 8, picture.height() - 8), base);
    QCOMPARE(picture.pixel(8, 8), base);
}

QTEST_MAIN(TestTimeline)
#include "test_timeline.moc"
