// The list of what waits, while requests come and go.
#include "app/models/held_model.h"
#include "tests/models/opened_workspace.h"
#include "tests/unit/request/random_run.h"

#include <QAbstractItemModelTester>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestHeldModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void as_the_host_says();
    void who_waits_and_why();
};

void TestHeldModel::as_the_host_says() {
    OpenedWorkspace opened;
    QVERIFY(opened.open());
    HeldModel model(opened.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    RandomRun run;
    run.life = 100'000; // so that many wait at once
    const std::vector<StepRecord> records = run.records(1);
    std::vector<std::pair<QPersistentModelIndex, Row>> kept;
    int most = 0;
    for (std::size_t at = 0; at < records.size(); at += 97) {
        const std::size_t end = std::min(records.size(), at + 97);
        opened.take({records.begin() + static_cast<std::ptrdiff_t>(at),
                     records.begin() + static_cast<std::ptrdiff_t>(end)});
        model.update();
        const std::vector<Row> waiting = opened.workspace.host().waiting();
        QCOMPARE(model.rowCount(), int(waiting.size()));
        for (int line = 0; line < model.rowCount(); ++line) {
            QCOMPARE(model.row_at(line), waiting[std::size_t(line)]);
            QCOMPARE(model.place_of(waiting[std::size_t(line)]), line);
        }
        for (const auto& [index, row] : kept) {
            QCOMPARE(index.isValid(), std::ranges::binary_search(waiting, row));
            if (index.isValid())
                QCOMPARE(index.data(HeldModel::row_role).toUInt(), row);
        }
        most = std::max(most, model.rowCount());
        if (model.rowCount() > 0)
            kept.emplace_back(model.index(model.rowCount() / 2, 0),
                              model.row_at(model.rowCount() / 2).value());
    }
    QVERIFY(most > 3);
    model.time_went_on();
    Q_EMIT opened.workspace.host().began();
    QCOMPARE(model.rowCount(), 0);
}

void TestHeldModel::who_waits_and_why() {
    OpenedWorkspace opened;
    QVERIFY(opened.open());
    HeldModel model(opened.workspace);
    StepRecord record = make_step(7, Step::arrived, 1000);
    record.object = 1;
    opened.take({record});
    record.step = Step::held;
    record.flags = flag::by_rule;
    opened.take({record});
    model.update();
    QCOMPARE(model.rowCount(), 1);
    const auto text = [&](int column) { return model.index(0, column).data().toString(); };
    QCOMPARE(text(HeldModel::id), "7");
    QCOMPARE(text(HeldModel::process), "cat (42)");
    QVERIFY(text(HeldModel::place).startsWith("blob 1: layer.blob"));
    QVERIFY(text(HeldModel::files).contains("/usr/"));
    QVERIFY(text(HeldModel::why).contains("rule"));
    record.step = Step::delayed;
    record.flags = flag::by_hand;
    opened.take({record});
    model.update();
    QVERIFY(text(HeldModel::waits).contains("delayed"));
    record.step = Step::answered;
    opened.take({record});
    model.update();
    QCOMPARE(model.rowCount(), 0);
}

QTEST_MAIN(TestHeldModel)
#include "test_held_model.moc"
