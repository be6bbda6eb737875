// The rules of a simulated run, as they are commanded and ended.
#include "app/models/rules_model.h"
#include "tests/models/opened_workspace.h"

#include <QAbstractItemModelTester>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestRulesModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rules_come_and_go();
};

void TestRulesModel::rules_come_and_go() {
    OpenedWorkspace opened;
    QVERIFY(opened.open());
    RulesModel model(opened.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QVERIFY(opened.start());
    QCOMPARE(model.rowCount(), 0);
    QVERIFY(opened.command("hold file=/usr/bin/cat"));
    QVERIFY(opened.command("delay 5ms pid=1"));
    QVERIFY(opened.command("fail EIO next command=nobody"));
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.index(0, RulesModel::action).data().toString(), "hold");
    QVERIFY(model.index(1, RulesModel::text).data().toString().contains("5ms"));
    const QPersistentModelIndex last = model.index(2, 0);
    QVERIFY(model.clear_rules({model.index(0, 0), model.index(0, 1), model.index(1, 0)}));
    QCOMPARE(model.rowCount(), 1);
    QCOMPARE(last.row(), 0);
    QCOMPARE(opened.workspace.host().rules().size(), std::size_t{1});
    QVERIFY(opened.command("clear"));
    QCOMPARE(model.rowCount(), 0);
    QVERIFY(opened.command("hold all"));
    QCOMPARE(model.rowCount(), 1);
    opened.stop();
    QCOMPARE(model.rowCount(), 0);
    QVERIFY(opened.failures.isEmpty());
}

QTEST_MAIN(TestRulesModel)
#include "test_rules_model.moc"
