// The timeline as it follows a run and what is chosen elsewhere. Run at several scales of the
// screen.
#include "app/timeline/overview_strip.h"
#include "tests/gui/timeline/shown_timeline.h"

#include <QAbstractButton>
#include <QComboBox>
#include <QScrollBar>

using namespace coldscope;
using namespace coldscope::app;

class TestTimeline : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void says_what_to_do_when_empty();
    void any_size_will_do();
    void a_run_of_one_request();
    void shows_what_others_choose();
    void scrolls_to_what_others_choose();
    void back_and_forward_through_views();
    void another_grouping_keeps_the_choice();
    void new_requests_come_in();
    void nothing_is_done_while_hidden();
    void it_has_names();
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
    // Of threads no processes are known here, nor containers.
    by->setCurrentIndex(by->findText(QStringLiteral("thread")));
    QCOMPARE(shown.canvas().grouping(), Grouping::thread);
    QCOMPARE(shown.canvas().model().groups()[0].label, QStringLiteral("cat (100)"));
    by->setCurrentIndex(by->findText(QStringLiteral("container")));
    QCOMPARE(shown.canvas().model().groups().size(), std::size_t{1});
    QCOMPARE(shown.canvas().model().groups()[0].label, QStringLiteral("container not known"));
    by->setCurrentIndex(by->findText(QStringLiteral("file")));
    QCOMPARE(shown.canvas().model().groups().size(), std::size_t{1}); // no image: no files
    by->setCurrentIndex(0);
    QCOMPARE(shown.canvas().model().groups()[0].label, object);
    QCOMPARE(shown.chosen(), std::optional<Row>(5));
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
