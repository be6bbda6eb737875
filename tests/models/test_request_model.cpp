// The table of requests against a naive listing: batches, orders, filters, persistent indexes.
#include "app/models/request_model.h"
#include "app/models/request_text.h"
#include "tests/models/opened_workspace.h"
#include "tests/unit/request/random_run.h"

#include <QAbstractItemModelTester>
#include <QtTest>
#include <algorithm>
#include <random>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestRequestModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QVERIFY(opened_.open()); }
    void rows_as_they_come();
    void orders_while_rows_come_data();
    void orders_while_rows_come();
    void filters_while_rows_come_data();
    void filters_while_rows_come();
    void persistent_indexes_hold_data();
    void persistent_indexes_hold();
    void a_budget_takes_them_in_slices();
    void another_run_starts_afresh();
    void a_filter_can_be_changed_while_sorted();
    void one_insertion_for_a_batch();

private:
    // Feeds the records in batches of random size and calls `check` after each.
    template <typename Check>
    void feed(const std::vector<StepRecord>& records, RequestModel& model, unsigned seed,
              Check&& check);
    void begin() {
        opened_.workspace.host().store() = {};
        Q_EMIT opened_.workspace.host().began();
    }
    [[nodiscard]] const EventStore& store() { return opened_.workspace.host().store(); }

    OpenedWorkspace opened_;
};

namespace {

std::vector<Row> rows_of(const RequestModel& model) {
    std::vector<Row> rows;
    for (int at = 0; at < model.rowCount(); ++at)
        rows.push_back(model.row_at(at).value());
    return rows;
}

// By which two requests are compared; what is open counts as the longest, the oldest first of all.
QVariant figure(const EventStore& store, Row at, int column) {
    const RequestRow& row = store[at];
    switch (column) {
    case RequestModel::duration:
        return row.open() ? ~quint64(row.start) : quint64(took(row, 0));
    case RequestModel::size:
        return quint64(row.length);
    case RequestModel::offset:
        return quint64(row.offset);
    case RequestModel::object:
        return quint64(row.object);
    case RequestModel::state:
        return quint64(store.state(at));
    case RequestModel::fetched:
        return quint64(row.fetched);
    default:
        return quint64(at);
    }
}

std::vector<Row> sorted(const EventStore& store, int column, bool descending) {
    std::vector<Row> rows(store.size());
    for (Row row = 0; row < store.size(); ++row)
        rows[row] = row;
    std::stable_sort(rows.begin(), rows.end(), [&](Row one, Row other) {
        if (column == RequestModel::process) {
            const auto key = [&](Row row) {
                const Reader& reader = store.reader(store[row]);
                return std::pair(std::string(reader.name()), reader.pid);
            };
            return descending ? key(other) < key(one) : key(one) < key(other);
        }
        const auto a = figure(store, one, column).toULongLong();
        const auto b = figure(store, other, column).toULongLong();
        return descending ? b < a : a < b;
    });
    return rows;
}

} // namespace

template <typename Check>
void TestRequestModel::feed(const std::vector<StepRecord>& records, RequestModel& model,
                            unsigned seed, Check&& check) {
    std::mt19937 random(seed);
    for (std::size_t at = 0; at < records.size();) {
        const std::size_t end = std::min(records.size(), at + 1 + random() % 700);
        opened_.take({records.begin() + static_cast<std::ptrdiff_t>(at),
                      records.begin() + static_cast<std::ptrdiff_t>(end)});
        at = end;
        QVERIFY(model.update());
        check();
        if (QTest::currentTestFailed())
            return;
    }
}

void TestRequestModel::rows_as_they_come() {
    begin();
    RequestModel model(opened_.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    feed(RandomRun{}.records(1), model, 1, [&] {
        QCOMPARE(model.rowCount(), int(store().size()));
        QVERIFY(model.by_arrival());
    });
    for (Row row = 0; row < store().size(); ++row) {
        QCOMPARE(model.row_at(int(row)), row);
        QCOMPARE(model.index_of(row), model.index(int(row), 0));
        QCOMPARE(model.index(int(row), 0).data(RequestModel::row_role).toUInt(), row);
        QCOMPARE(model.index(int(row), RequestModel::id).data().toString(),
                 QString::number(store()[row].id));
        QVERIFY(model.index(int(row), RequestModel::state)
                    .data()
                    .toString()
                    .startsWith(app::name(store().state(row))));
        for (int column = 0; column < RequestModel::columns; ++column)
            (void)model.index(int(row), column).data(Qt::ToolTipRole);
    }
}

void TestRequestModel::orders_while_rows_come_data() {
    QTest::addColumn<int>("column");
    QTest::addColumn<bool>("descending");
    for (const int column :
         {RequestModel::time, RequestModel::process, RequestModel::state, RequestModel::duration,
          RequestModel::object, RequestModel::offset, RequestModel::size, RequestModel::fetched}) {
        for (const bool descending : {false, true})
            QTest::addRow("column %d %s", column, descending ? "down" : "up")
                << column << descending;
    }
}

void TestRequestModel::orders_while_rows_come() {
    QFETCH(int, column);
    QFETCH(bool, descending);
    begin();
    RequestModel model(opened_.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.sort(column, descending ? Qt::DescendingOrder : Qt::AscendingOrder);
    feed(RandomRun{}.records(2), model, 2,
         [&] { QVERIFY(rows_of(model) == sorted(store(), column, descending)); });
    model.sort(-1, Qt::AscendingOrder);
    QVERIFY(rows_of(model) == sorted(store(), RequestModel::time, false));
    model.sort(column, descending ? Qt::DescendingOrder : Qt::AscendingOrder);
    QVERIFY(rows_of(model) == sorted(store(), column, descending));
    for (Row row = 0; row < store().size(); ++row)
        QCOMPARE(model.row_at(model.index_of(row).row()), row);
}

void TestRequestModel::filters_while_rows_come_data() {
    QTest::addColumn<QString>("filter");
    QTest::addColumn<bool>("waiting");
    QTest::addColumn<int>("column");
    QTest::newRow("by pid") << "pid:102" << false << -1;
    QTest::newRow("what fails enters late") << "state:failed" << false << -1;
    QTest::newRow("what is fetched leaves") << "state:fetching" << false << -1;
    QTest::newRow("what waits") << "" << true << -1;
    QTest::newRow("what is open, by size") << "state:open" << false << int(RequestModel::size);
    QTest::newRow("not open, by time") << "state:answ" << false << int(RequestModel::duration);
}

void TestRequestModel::filters_while_rows_come() {
    QFETCH(QString, filter);
    QFETCH(bool, waiting);
    QFETCH(int, column);
    begin();
    RequestModel model(opened_.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.set_filter(filter, waiting);
    model.sort(column, Qt::DescendingOrder);
    RequestFilter naive(opened_.workspace);
    naive.set(filter, waiting);
    std::size_t most = 0;
    feed(RandomRun{}.records(3), model, 3, [&] {
        std::vector<Row> expected = sorted(store(), column, column >= 0);
        std::erase_if(expected, [&](Row row) { return !naive.matches(row); });
        most = std::max(most, expected.size());
        QVERIFY(rows_of(model) == expected);
        for (Row row = 0; row < store().size(); ++row)
            QCOMPARE(model.index_of(row).isValid(), naive.matches(row));
    });
    QVERIFY(most > 0);
}

void TestRequestModel::persistent_indexes_hold_data() {
    orders_while_rows_come_data();
}

void TestRequestModel::persistent_indexes_hold() {
    QFETCH(int, column);
    QFETCH(bool, descending);
    begin();
    RequestModel model(opened_.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.sort(column, descending ? Qt::DescendingOrder : Qt::AscendingOrder);
    std::vector<std::pair<QPersistentModelIndex, Row>> kept;
    std::mt19937 random(4);
    feed(RandomRun{}.records(4), model, 4, [&] {
        for (const auto& [index, row] : kept) {
            QVERIFY(index.isValid());
            QCOMPARE(index.data(RequestModel::row_role).toUInt(), row);
        }
        for (int i = 0; i < 3 && model.rowCount() > 0; ++i) {
            const int at = int(random() % unsigned(model.rowCount()));
            kept.emplace_back(model.index(at, int(random() % RequestModel::columns)),
                              model.row_at(at).value());
        }
    });
}

void TestRequestModel::a_budget_takes_them_in_slices() {
    begin();
    RequestModel model(opened_.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    RandomRun run;
    run.requests = 3000;
    opened_.take(run.records(5));
    int slices = 1; // each call gets on, whatever the budget
    for (; !model.update(0); ++slices) {
        QVERIFY(model.looked_at() <= store().size());
        QCOMPARE(model.rowCount(), int(model.looked_at()));
        QVERIFY(slices < 100);
    }
    QVERIFY(slices > 1);
    QCOMPARE(model.rowCount(), int(store().size()));
}

void TestRequestModel::another_run_starts_afresh() {
    begin();
    RequestModel model(opened_.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    opened_.take(RandomRun{}.records(6));
    QVERIFY(model.update());
    begin();
    QCOMPARE(model.rowCount(), 0);
    opened_.take(RandomRun{}.records(7));
    QVERIFY(model.update());
    QCOMPARE(model.rowCount(), int(store().size()));
}

void TestRequestModel::a_filter_can_be_changed_while_sorted() {
    begin();
    RequestModel model(opened_.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.sort(RequestModel::size, Qt::DescendingOrder);
    opened_.take(RandomRun{}.records(8));
    QVERIFY(model.update());
    model.set_filter("pid:101", false);
    QCOMPARE(model.rowCount(), 0);
    QVERIFY(model.filtered());
    QVERIFY(model.update());
    QVERIFY(model.rowCount() > 0 && model.rowCount() < int(store().size()));
    model.set_filter("", false);
    QVERIFY(model.update());
    QVERIFY(rows_of(model) == sorted(store(), RequestModel::size, true));
}

void TestRequestModel::one_insertion_for_a_batch() {
    begin();
    RequestModel model(opened_.workspace);
    model.sort(RequestModel::offset, Qt::AscendingOrder);
    const std::vector<StepRecord> records = RandomRun{}.records(9);
    const auto half = records.begin() + static_cast<std::ptrdiff_t>(records.size() / 2);
    opened_.take({records.begin(), half});
    QVERIFY(model.update());
    QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted);
    QSignalSpy moved(&model, &QAbstractItemModel::layoutChanged);
    opened_.take({half, records.end()});
    QVERIFY(model.update());
    QCOMPARE(inserted.count(), 1);
    QCOMPARE(moved.count(), 1);
    QVERIFY(model.update()); // nothing came
    QCOMPARE(inserted.count(), 1);
    QCOMPARE(moved.count(), 1);
}

QTEST_MAIN(TestRequestModel)
#include "test_request_model.moc"
