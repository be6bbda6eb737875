// The image's tree, compared with its index; figures of what is local while a run reads.
#include "app/models/tree_model.h"
#include "app/style/text.h"
#include "tests/models/opened_workspace.h"
#include "tests/models/pool_gate.h"

#include <QAbstractItemModelTester>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestTreeModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void every_node_once();
    void figures();
    void local_grows();
    void another_image();
    void the_root_first();
    void without_an_image();
};

namespace {

void walk(const TreeModel& model, const QModelIndex& at, std::vector<int>& seen) {
    if (const auto node = model.node_of(at)) {
        ++seen[*node];
        QCOMPARE(model.index_of(*node), at);
        QCOMPARE(at.data(TreeModel::node_role).toUInt(), *node);
    }
    QCOMPARE(model.hasChildren(at), model.rowCount(at) > 0);
    for (int row = 0; row < model.rowCount(at); ++row) {
        const QModelIndex child = model.index(row, 0, at);
        QCOMPARE(model.parent(child), at);
        walk(model, child, seen);
    }
}

} // namespace

void TestTreeModel::every_node_once() {
    OpenedWorkspace opened;
    TreeModel model(opened.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QVERIFY(opened.open());
    std::vector<int> seen(opened.workspace.image()->index.size());
    walk(model, {}, seen);
    for (std::size_t node = 1; node < seen.size(); ++node)
        QCOMPARE(seen[node], 1);
    QCOMPARE(seen[erofs::root_node], 0); // is no line
    QVERIFY(!model.index_of(erofs::root_node).isValid());
    QVERIFY(!model.index_of(static_cast<erofs::NodeId>(seen.size())).isValid());
}

void TestTreeModel::figures() {
    OpenedWorkspace opened;
    QVERIFY(opened.open());
    TreeModel model(opened.workspace);
    const auto text = [&](const char* path, int column) {
        return model.index_of(opened.node(path), column).data().toString();
    };
    QCOMPARE(text("/usr/lib/libone.so", TreeModel::name), "libone.so");
    QCOMPARE(text("/usr/lib/libone.so", TreeModel::size), size_text(256 << 10));
    QCOMPARE(text("/usr/lib/libone.so", TreeModel::layout), "chunk-based");
    QCOMPARE(text("/usr/lib/libone.so", TreeModel::devices), "blob 1");
    QCOMPARE(text("/etc/conf", TreeModel::devices), "bootstrap");
    QCOMPARE(text("/usr/lib/libone.so", TreeModel::local), "–"); // no run has told anything
    QCOMPARE(text("/hole", TreeModel::local), "no data");
    QCOMPARE(text("/hole", TreeModel::devices), "");
    QCOMPARE(text("/empty", TreeModel::local), "");
    QCOMPARE(text("/usr", TreeModel::size), "");
    const QString tip =
        model.index_of(opened.node("/usr/bin/cat")).data(Qt::ToolTipRole).toString();
    QVERIFY2(tip.contains("/usr/bin/cat") && tip.contains("0644") && tip.contains("nid"),
             qPrintable(tip));
}

void TestTreeModel::local_grows() {
    OpenedWorkspace opened;
    QVERIFY(opened.open());
    TreeModel model(opened.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QVERIFY(opened.start());
    const QModelIndex file = model.index_of(opened.node("/usr/bin/cat"), TreeModel::local);
    const QModelIndex folder = model.index_of(opened.node("/usr"), TreeModel::local);
    QCOMPARE(file.data(TreeModel::share_role).toDouble(), 0.0);
    (void)model.rowCount(model.parent(file)); // somebody looks into it
    QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
    QVERIFY(opened.workspace.host().read("/usr/bin/cat").has_value());
    QTRY_COMPARE(file.data(TreeModel::share_role).toDouble(), 1.0);
    QVERIFY(folder.data(TreeModel::share_role).toDouble() > 0);
    QVERIFY(folder.data(TreeModel::share_role).toDouble() < 1);
    const auto told = [&](const QModelIndex& index) {
        return std::ranges::any_of(changed, [&](const QList<QVariant>& signal) {
            const auto from = signal[0].toModelIndex();
            const auto to = signal[1].toModelIndex();
            return from.parent() == index.parent() && from.row() <= index.row() &&
                   index.row() <= to.row() && from.column() == TreeModel::local;
        });
    };
    QTRY_VERIFY(told(file) && told(folder));
}

void TestTreeModel::another_image() {
    OpenedWorkspace opened;
    TreeModel model(opened.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QVERIFY(opened.open());
    const QPersistentModelIndex old = model.index(0, 0);
    QVERIFY(old.isValid());
    QVERIFY(opened.open(sample_image(12)));
    QVERIFY(!old.isValid());
    std::vector<int> seen(opened.workspace.image()->index.size());
    walk(model, {}, seen);
    for (std::size_t node = 1; node < seen.size(); ++node)
        QCOMPARE(seen[node], 1);
}

void TestTreeModel::the_root_first() {
    OpenedWorkspace opened;
    TreeModel model(opened.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QVERIFY(opened.open());
    opened.workspace.close_image();
    QCOMPARE(model.rowCount(), 0);
    PoolGate gate;
    opened.workspace.open(opened.image());
    gate.close();
    QTRY_VERIFY(opened.workspace.reading() != nullptr);
    QCOMPARE(model.rowCount(), 6);
    std::vector<QPersistentModelIndex> lines;
    for (int row = 0; row < model.rowCount(); ++row) {
        lines.emplace_back(model.index(row, 0));
        const bool folder = QStringList({"etc", "many", "usr"}).contains(lines.back().data());
        QCOMPARE(model.hasChildren(lines.back()), folder);
        QCOMPARE(model.rowCount(lines.back()), 0);
        QCOMPARE(lines.back().sibling(row, TreeModel::local).data().toString(), "");
    }
    QSignalSpy reset(&model, &QAbstractItemModel::modelReset);
    gate.open();
    QTRY_VERIFY(opened.workspace.image() != nullptr);
    QCOMPARE(reset.count(), 0);
    std::vector<int> seen(opened.workspace.image()->index.size());
    walk(model, {}, seen);
    for (std::size_t node = 1; node < seen.size(); ++node)
        QCOMPARE(seen[node], 1);
    for (int row = 0; row < model.rowCount(); ++row)
        QCOMPARE(QModelIndex(lines[static_cast<std::size_t>(row)]), model.index(row, 0));
}

void TestTreeModel::without_an_image() {
    Workspace workspace;
    TreeModel model(workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QCOMPARE(model.rowCount(), 0);
    QVERIFY(!model.hasChildren());
    QVERIFY(!model.index_of(1).isValid());
}

QTEST_MAIN(TestTreeModel)
#include "test_tree_model.moc"
