// Requests that a simulated run really holds, and what the buttons do to them.
#include "app/tables/held_view.h"
#include "tests/models/opened_workspace.h"

#include <QInputDialog>
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QTimer>
#include <QToolButton>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestHeldView : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void release();
    void delay();
    void fail();
    void release_all();
    void the_selected_one_goes_first();
    void the_selection_goes_both_ways();
    void nothing_is_held();
    void it_counts_up_where_it_is_seen();
    void rules();

private:
    void hold(const char* path) { QVERIFY(opened_->workspace.host().read(path).has_value()); }
    void click(const char* name) {
        for (auto* button : view_->findChildren<QPushButton*>()) {
            if (button->text() == QString::fromUtf8(name)) {
                QVERIFY(button->isEnabled());
                QTest::mouseClick(button, Qt::LeftButton);
                return;
            }
        }
        QFAIL(name);
    }
    // Answers the dialog that comes next with what it offers.
    void accept_next_dialog() {
        auto* timer = new QTimer(this);
        connect(timer, &QTimer::timeout, this, [timer] {
            if (auto* dialog = qobject_cast<QDialog*>(QApplication::activeModalWidget())) {
                timer->deleteLater();
                dialog->accept();
            }
        });
        timer->start(10);
    }
    [[nodiscard]] QTableView* list() const { return view_->findChild<QTableView*>(); }
    [[nodiscard]] RequestState state(Row row) const {
        return opened_->workspace.host().store().state(row);
    }

    std::unique_ptr<OpenedWorkspace> opened_;
    std::unique_ptr<HeldView> view_;
};

void TestHeldView::init() {
    opened_ = std::make_unique<OpenedWorkspace>();
    QVERIFY(opened_->open());
    view_ = std::make_unique<HeldView>(opened_->workspace);
    view_->resize(1100, 360);
    view_->show();
    QVERIFY(QTest::qWaitForWindowExposed(view_.get()));
    QVERIFY(opened_->start());
    QVERIFY(opened_->command("hold file=/usr/bin/cat"));
    hold("/usr/bin/cat");
    QTRY_COMPARE(view_->count(), 1);
}

void TestHeldView::cleanup() {
    QVERIFY2(opened_->failures.isEmpty(), qPrintable(opened_->failures.join(u'\n')));
    view_.reset();
    opened_.reset();
}

void TestHeldView::release() {
    const Row row = view_->chosen_or_oldest().front();
    QVERIFY(opened_->command("clear"));
    click("Release");
    QTRY_COMPARE(view_->count(), 0);
    QTRY_COMPARE(state(row), RequestState::was_held);
}

void TestHeldView::delay() {
    const Row row = view_->chosen_or_oldest().front();
    QVERIFY(opened_->command("clear"));
    accept_next_dialog();
    click("Delay…");
    QTRY_VERIFY(opened_->workspace.host()
                    .store()
                    .steering(opened_->workspace.host().store()[row])
                    .delayed != 0);
    QTRY_COMPARE(state(row), RequestState::was_held);
    QTRY_COMPARE(view_->count(), 0);
}

void TestHeldView::fail() {
    const Row row = view_->chosen_or_oldest().front();
    QVERIFY(opened_->command("clear"));
    accept_next_dialog();
    click("Fail…");
    QTRY_COMPARE(state(row), RequestState::failed);
    QCOMPARE(opened_->workspace.host().store()[row].result, EIO);
    QTRY_COMPARE(view_->count(), 0);
}

void TestHeldView::release_all() {
    QVERIFY(opened_->command("hold file=/usr/lib/libone.so"));
    hold("/usr/lib/libone.so"); // the same reader goes on only after the first
    click("Release all");
    QTRY_COMPARE(view_->count(), 0);
    QTRY_VERIFY(opened_->workspace.host().store().open_rows().empty());
    QVERIFY(std::ranges::none_of(opened_->workspace.host().rules(),
                                 [](const auto& rule) { return rule.action == Action::hold; }));
}

void TestHeldView::the_selected_one_goes_first() {
    // Another reader, by the example of an own list: the store is asked which rows wait.
    EventStore& store = opened_->workspace.host().store();
    StepRecord record;
    record.request = 1'000;
    record.time = monotonic_now();
    record.step = Step::arrived;
    record.object = 1;
    record.length = 4096;
    store.take(record);
    record.step = Step::held;
    store.take(record);
    opened_->advance();
    QCOMPARE(view_->count(), 2);
    const Row oldest = view_->chosen_or_oldest().front();
    QCOMPARE(store[oldest].id < 1'000, true);
    list()->selectRow(1);
    QCOMPARE(view_->chosen_or_oldest().size(), std::size_t{1});
    QCOMPARE(store[view_->chosen_or_oldest().front()].id, RequestId{1'000});
    list()->selectAll();
    QCOMPARE(view_->chosen_or_oldest().size(), std::size_t{2});
    list()->clearSelection();
    QCOMPARE(view_->chosen_or_oldest(), std::vector<Row>{oldest});
}

void TestHeldView::the_selection_goes_both_ways() {
    const Row row = view_->chosen_or_oldest().front();
    Selection& selection = opened_->workspace.selection();
    list()->selectRow(0);
    QCOMPARE(selection.current().request, row);
    opened_->workspace.choose_node(opened_->node("/etc/conf"));
    QVERIFY(!list()->selectionModel()->hasSelection());
    opened_->workspace.choose_request(row);
    QVERIFY(list()->selectionModel()->isRowSelected(0));
}

void TestHeldView::nothing_is_held() {
    QSignalSpy counted(view_.get(), &HeldView::count_changed);
    opened_->workspace.host().release_all();
    QTRY_COMPARE(counted.count(), 1);
    QCOMPARE(counted[0][0].toInt(), 0);
    const auto* empty = list()->viewport()->findChild<QLabel*>();
    QVERIFY(empty->isVisible());
    QVERIFY(empty->text().contains("Ctrl+H"));
    for (const auto* button : view_->findChildren<QPushButton*>())
        QVERIFY2(!button->isEnabled(), qPrintable(button->text()));
    QVERIFY(view_->chosen_or_oldest().empty());
    // The title counts while the dock is hidden.
    view_->hide();
    QVERIFY(opened_->command("hold all"));
    hold("/usr/lib/libtwo.so");
    QTRY_COMPARE(counted.count(), 2);
    QCOMPARE(counted[1][0].toInt(), 1);
}

void TestHeldView::it_counts_up_where_it_is_seen() {
    QSignalSpy changed(list()->model(), &QAbstractItemModel::dataChanged);
    const QModelIndex cell = list()->model()->index(0, HeldModel::waits);
    const QString before = cell.data().toString();
    QTRY_VERIFY(changed.count() > 0);
    QTRY_VERIFY(cell.data().toString() != before);
}

void TestHeldView::rules() {
    auto* fold = view_->findChild<QToolButton*>();
    const auto lists = view_->findChildren<QTableView*>();
    QCOMPARE(lists.size(), 2);
    QTableView* rule_list = lists[1];
    QVERIFY(!rule_list->isVisible());
    QVERIFY(fold->text().contains("1"));
    QTest::mouseClick(fold, Qt::LeftButton);
    QVERIFY(rule_list->isVisible());
    QCOMPARE(rule_list->model()->rowCount(), 1);
    rule_list->selectRow(0);
    click("Remove");
    QCOMPARE(opened_->workspace.host().rules().size(), std::size_t{0});
    QCOMPARE(rule_list->model()->rowCount(), 0);
    QCOMPARE(view_->count(), 1); // what it held stays held
}

QTEST_MAIN(TestHeldView)
#include "test_held_view.moc"
