// The table of requests and the list of findings as a person uses them: real widgets, a simulated
// run, and runs made of records.
#include "app/tables/findings_view.h"
#include "app/tables/request_table.h"
#include "tests/models/opened_workspace.h"
#include "tests/unit/request/random_run.h"

#include <QCheckBox>
#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QTableView>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestRequestTable : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void rows_of_a_run_appear();
    void it_follows_only_at_the_end();
    void a_sorted_table_stays_where_it_is();
    void the_selection_goes_both_ways();
    void filter_and_count();
    void only_waiting();
    void keys();
    void copy();
    void columns_are_kept();
    void hidden_it_does_nothing();
    void empty_states();
    void findings();

private:
    // Requests from..to, each answered: number n of (n % 7 + 1) pages at page n of the blob.
    void ask(RequestId from, RequestId to) {
        for (RequestId id = from; id <= to; ++id) {
            StepRecord record = make_step(id, Step::arrived, id * 1000);
            record.object = 1;
            record.offset = id * 4096;
            record.length = (id % 7 + 1) * 4096;
            opened_->take({record});
            record.step = Step::answered;
            record.time += 100 + id;
            opened_->take({record});
        }
        opened_->advance();
        if (table_->isVisible())
            take_all_in();
    }
    // A slow table takes in a part at a time.
    void take_all_in() {
        QTRY_VERIFY(table_->model().looked_at() == opened_->workspace.host().store().size());
    }
    [[nodiscard]] QTableView* grid() const { return table_->findChild<QTableView*>(); }
    [[nodiscard]] Row row_at(int y) const {
        return grid()->indexAt({5, y}).data(RequestModel::row_role).toUInt();
    }
    [[nodiscard]] QString count() const {
        for (const QLabel* label : table_->findChildren<QLabel*>()) {
            if (label->accessibleName() == "Number of requests")
                return label->text();
        }
        return {};
    }
    [[nodiscard]] QString said() const {
        const auto* label = grid()->viewport()->findChild<QLabel*>();
        return label->isVisible() ? label->text() : QString();
    }
    void sort_by(int column) {
        QHeaderView* header = grid()->horizontalHeader();
        QTest::mouseClick(header->viewport(), Qt::LeftButton, {},
                          {header->sectionViewportPosition(column) + 20, header->height() / 2});
    }

    std::unique_ptr<OpenedWorkspace> opened_;
    std::unique_ptr<RequestTable> table_;
};

void TestRequestTable::init() {
    opened_ = std::make_unique<OpenedWorkspace>();
    QVERIFY(opened_->open());
    table_ = std::make_unique<RequestTable>(opened_->workspace);
    table_->resize(1400, 400);
    table_->show();
    QVERIFY(QTest::qWaitForWindowExposed(table_.get()));
}

void TestRequestTable::cleanup() {
    table_.reset();
    opened_.reset();
}

void TestRequestTable::rows_of_a_run_appear() {
    QVERIFY(opened_->start(20 * millisecond));
    QTRY_VERIFY(opened_->workspace.host().store().open_rows().empty());
    const int before = table_->model().rowCount();
    QVERIFY(opened_->workspace.host().read("/usr/lib/libone.so").has_value());
    QTRY_VERIFY(table_->model().rowCount() > before);
    const QModelIndex state = table_->model().index(before, RequestModel::state);
    QTRY_COMPARE(state.data().toString(), "answered");
    QCOMPARE(state.siblingAtColumn(RequestModel::files).data().toString(), "/usr/lib/libone.so");
    QVERIFY(state.siblingAtColumn(RequestModel::process).data().toString().contains("double"));
}

void TestRequestTable::it_follows_only_at_the_end() {
    ask(1, 500);
    QScrollBar* bar = grid()->verticalScrollBar();
    QCOMPARE(bar->value(), bar->maximum());
    QVERIFY(bar->maximum() > 400);
    ask(501, 600);
    QCOMPARE(bar->value(), bar->maximum());
    bar->setValue(100);
    const Row top = row_at(1);
    ask(601, 700);
    QCOMPARE(bar->value(), 100);
    QCOMPARE(row_at(1), top);
    QCOMPARE(table_->model().rowCount(), 700);
}

void TestRequestTable::a_sorted_table_stays_where_it_is() {
    ask(1, 700);
    sort_by(RequestModel::size);
    QVERIFY(!table_->model().by_arrival());
    const auto size_at = [&](int line) {
        const auto row = table_->model().row_at(line);
        return opened_->workspace.host().store()[row.value()].length;
    };
    QVERIFY(size_at(0) < size_at(699));
    QScrollBar* bar = grid()->verticalScrollBar();
    bar->setValue(333);
    const Row top = row_at(1);
    grid()->setCurrentIndex(grid()->indexAt({5, 60}));
    const Row chosen = opened_->workspace.selection().current().request.value();
    for (RequestId id = 701; id < 1400; id += 100) {
        ask(id, id + 99);
        QCOMPARE(row_at(1), top);
        QCOMPARE(grid()->currentIndex().data(RequestModel::row_role).toUInt(), chosen);
        QCOMPARE(opened_->workspace.selection().current().request.value(), chosen);
    }
    QVERIFY(bar->value() > 333); // smaller ones came in above
    for (int line = 1; line < table_->model().rowCount(); ++line)
        QVERIFY(size_at(line - 1) <= size_at(line));
    bar->setValue(0);
    ask(1401, 1500);
    QCOMPARE(bar->value(), 0); // at the top, the top stays in sight
    // A column without an order changes nothing; the third click on one that has gives it up.
    sort_by(RequestModel::files);
    QCOMPARE(grid()->horizontalHeader()->sortIndicatorSection(), int(RequestModel::size));
    sort_by(RequestModel::size);
    QVERIFY(size_at(0) > size_at(1499));
    sort_by(RequestModel::size);
    QVERIFY(table_->model().by_arrival());
}

void TestRequestTable::the_selection_goes_both_ways() {
    ask(1, 300);
    Selection& selection = opened_->workspace.selection();
    QSignalSpy changed(&selection, &Selection::changed);
    grid()->selectRow(290);
    QCOMPARE(selection.current().request, Row{290});
    QCOMPARE(changed.count(), 1);
    opened_->workspace.choose_request(3);
    QCOMPARE(changed.count(), 2);
    QCOMPARE(grid()->currentIndex().row(), 3);
    QVERIFY(grid()->visualRect(grid()->currentIndex()).intersects(grid()->viewport()->rect()));
    selection.back();
    QCOMPARE(grid()->currentIndex().row(), 290);
    opened_->workspace.choose_node(opened_->node("/etc/conf"));
    QVERIFY(!grid()->selectionModel()->hasSelection());
    // Chosen while it is not listed: selected when it is.
    table_->set_filter("nobody");
    opened_->workspace.choose_request(7);
    QCOMPARE(table_->model().rowCount(), 0);
    table_->set_filter("");
    QTRY_COMPARE(grid()->currentIndex().data(RequestModel::row_role).toUInt(), 7U);
    QCOMPARE(selection.current().request, Row{7});
}

void TestRequestTable::filter_and_count() {
    ask(1, 300);
    QCOMPARE(count(), "300");
    auto* field = table_->findChild<QLineEdit*>();
    table_->focus_filter();
    QTest::keyClicks(field, "libone");
    QTRY_VERIFY(table_->model().rowCount() < 300); // by itself, when typing rests
    const int shown = table_->model().rowCount();
    QVERIFY(shown > 0);
    QCOMPARE(count(), QString("%1 of 300").arg(shown));
    for (int line = 0; line < shown; ++line)
        QVERIFY(table_->model()
                    .index(line, RequestModel::files)
                    .data()
                    .toString()
                    .contains("libone.so"));
    ask(301, 310); // behind all files
    QCOMPARE(table_->model().rowCount(), shown);
    QCOMPARE(count(), QString("%1 of 310").arg(shown));
    table_->set_filter("state:sleepy");
    QVERIFY2(count().contains("sleepy"), qPrintable(count()));
    table_->set_filter("");
    QCOMPARE(table_->model().rowCount(), 310);
}

void TestRequestTable::only_waiting() {
    QVERIFY(opened_->start());
    QVERIFY(opened_->command("hold file=/usr/bin/cat"));
    QVERIFY(opened_->workspace.host().read("/usr/bin/cat").has_value());
    QTRY_COMPARE(int(opened_->workspace.host().waiting().size()), 1);
    QVERIFY(opened_->workspace.host().read("/usr/lib/libtwo.so").has_value());
    auto* waiting = table_->findChild<QCheckBox*>();
    waiting->click();
    QTRY_COMPARE(table_->model().rowCount(), 1);
    QCOMPARE(table_->model().index(0, RequestModel::state).data().toString(), "held");
    opened_->workspace.host().release_all();
    QTRY_COMPARE(table_->model().rowCount(), 0);
    QVERIFY(said().contains("filter"));
}

void TestRequestTable::keys() {
    ask(1, 50);
    QSignalSpy zoomed(table_.get(), &RequestTable::zoom_wanted);
    grid()->setFocus();
    opened_->workspace.choose_request(10);
    QTest::keyClick(grid(), Qt::Key_J);
    QCOMPARE(opened_->workspace.selection().current().request, Row{11});
    QTest::keyClick(grid(), Qt::Key_K);
    QTest::keyClick(grid(), Qt::Key_K);
    QCOMPARE(opened_->workspace.selection().current().request, Row{9});
    QTest::keyClick(grid(), Qt::Key_Return);
    QCOMPARE(zoomed.count(), 1);
    QCOMPARE(zoomed[0][0].toUInt(), 9U);
    QTest::keyClick(grid(), Qt::Key_End);
    QCOMPARE(opened_->workspace.selection().current().request, Row{49});
    QTest::keyClick(grid(), Qt::Key_J);
    QCOMPARE(opened_->workspace.selection().current().request, Row{49});
    QTest::keyClick(grid(), Qt::Key_Home);
    QCOMPARE(opened_->workspace.selection().current().request, Row{0});
}

void TestRequestTable::copy() {
    ask(1, 20);
    grid()->setFocus();
    opened_->workspace.choose_request(4);
    QTest::keyClick(grid(), Qt::Key_Down, Qt::ShiftModifier);
    QTest::keyClick(grid(), Qt::Key_C, Qt::ControlModifier);
    const QStringList lines = QGuiApplication::clipboard()->text().split(u'\n', Qt::SkipEmptyParts);
    QCOMPARE(lines.size(), 2);
    const QStringList cells = lines[0].split(u'\t');
    QCOMPARE(cells.size(), int(RequestModel::columns));
    QCOMPARE(cells[RequestModel::id], "5");
    QCOMPARE(cells[RequestModel::process], "cat (42)");
    QCOMPARE(lines[1].split(u'\t')[RequestModel::id], "6");
}

void TestRequestTable::columns_are_kept() {
    grid()->setColumnWidth(RequestModel::process, 222);
    const QByteArray state = table_->save_state();
    RequestTable other(opened_->workspace);
    other.restore_state(state);
    QCOMPARE(other.findChild<QTableView*>()->columnWidth(RequestModel::process), 222);
    other.show();
    ask(1, 100);
    QCOMPARE(other.findChild<QTableView*>()->columnWidth(RequestModel::process), 222);
}

void TestRequestTable::hidden_it_does_nothing() {
    table_->hide();
    ask(1, 50);
    QCOMPARE(table_->model().rowCount(), 0);
    opened_->workspace.choose_request(20);
    table_->show();
    QCOMPARE(table_->model().rowCount(), 50);
    QCOMPARE(grid()->currentIndex().row(), 20);
}

void TestRequestTable::empty_states() {
    QVERIFY2(said().contains("Start a run"), qPrintable(said()));
    ask(1, 5);
    QCOMPARE(said(), "");
    table_->set_filter("nobody");
    QVERIFY2(said().contains("filter"), qPrintable(said()));
    QCOMPARE(grid()->accessibleDescription(), said());
}

void TestRequestTable::findings() {
    FindingsView view(opened_->workspace);
    view.show();
    auto* list = view.findChild<QTableView*>(QStringLiteral("findings-list"));
    auto* details = view.findChild<QPlainTextEdit*>();
    auto* empty = list->viewport()->findChild<QLabel*>();
    QCOMPARE(view.count(), 0);
    QCOMPARE(empty->text(), "No findings: the image is as it should be.");
    QVERIFY(empty->isVisible());
    QVERIFY(!details->isVisible());
    QSignalSpy counted(&view, &FindingsView::count_changed);
    BuiltImage broken = small_image();
    broken.bytes[1024 + 4] ^= std::byte{1}; // the checksum
    QVERIFY(opened_->open(broken));
    QVERIFY(view.count() > 0);
    QCOMPARE(counted.back()[0].toInt(), view.count());
    QVERIFY(!empty->isVisible());
    QVERIFY(details->isVisible());
    QVERIFY(details->toPlainText().contains("checksum"));
}

QTEST_MAIN(TestRequestTable)
#include "test_request_table.moc"
