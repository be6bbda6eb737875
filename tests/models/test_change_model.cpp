// The changes between two images as lines: filtered and sorted, compared with the comparison.
#include "app/compare/change_model.h"
#include "app/style/text.h"
#include "tests/models/compared_images.h"

#include <QAbstractItemModelTester>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;
using compare::Kind;

namespace {

constexpr std::uint32_t all_kinds = ~std::uint32_t{0};

std::uint32_t only(std::initializer_list<Kind> kinds) {
    std::uint32_t bits = 0;
    for (const Kind kind : kinds)
        bits |= 1U << static_cast<unsigned>(kind);
    return bits;
}

} // namespace

class TestChangeModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void figures();
    void filters();
    void orders();
    void nodes();
    void while_it_changes();

private:
    [[nodiscard]] static bool settled(const ChangeModel& model) {
        return QTest::qWaitFor([&] { return !model.picking(); }, 20'000);
    }
    [[nodiscard]] static QStringList column(const ChangeModel& model, ChangeColumn column) {
        QStringList texts;
        for (int line = 0; line < model.rowCount(); ++line)
            texts.push_back(model.index(line, static_cast<int>(column)).data().toString());
        return texts;
    }

    OpenedWorkspace opened_;
    NextImage next_;
    std::shared_ptr<const Compared> compared_;
};

void TestChangeModel::initTestCase() {
    QVERIFY(opened_.open());
    QVERIFY(next_.write());
    Comparer comparer(opened_.workspace);
    comparer.start(next_.path());
    compared_ = compared(comparer);
    QVERIFY2(compared_ != nullptr, qPrintable(comparer.error()));
}

void TestChangeModel::figures() {
    ChangeModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.set_filter({}, all_kinds & ~only({Kind::same}));
    model.show(compared_);
    QVERIFY(settled(model));
    QCOMPARE(column(model, ChangeColumn::path),
             (QStringList{"/etc/conf", "/hole", "/new", "/opt", "/opt/libtwo.so", "/usr/bin/cat"}));
    QCOMPARE(column(model, ChangeColumn::kind),
             (QStringList{"changed", "removed", "added", "added", "moved", "changed"}));
    QCOMPARE(column(model, ChangeColumn::what),
             (QStringList{"mode", "", "", "", "from /usr/lib/libtwo.so", "content"}));
    QCOMPARE(column(model, ChangeColumn::size_before),
             (QStringList{size_text(10), size_text(16 << 10), "", "", size_text(128 << 10),
                          size_text(64 << 10)}));
    QCOMPARE(column(model, ChangeColumn::fetch),
             (QStringList{size_text(10), "", size_text(48 << 10), "", size_text(128 << 10),
                          size_text(64 << 10)}));
    QCOMPARE(model.fetch_shown(), std::uint64_t{10 + (240 << 10)});
    QCOMPARE(model.index(0, 0).data(ChangeModel::mark_role).toInt(), int(Mark::changed));
    QVERIFY(!model.index(0, 0).data(Qt::DecorationRole).value<QIcon>().isNull());
    model.show(nullptr);
    QCOMPARE(model.rowCount(), 0);
}

void TestChangeModel::filters() {
    ChangeModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.show(compared_);
    QVERIFY(settled(model));
    QCOMPARE(static_cast<std::size_t>(model.rowCount()), compared_->result.changes.size());
    model.set_filter(QStringLiteral("LIB"), all_kinds);
    QVERIFY(settled(model));
    QCOMPARE(column(model, ChangeColumn::path),
             (QStringList{"/opt/libtwo.so", "/usr/lib", "/usr/lib/libone.so"}));
    QCOMPARE(column(model, ChangeColumn::what)[2], "stored elsewhere");
    model.set_filter(QStringLiteral("usr/lib/libtwo"), all_kinds); // where it was
    QVERIFY(settled(model));
    QCOMPARE(column(model, ChangeColumn::path), QStringList{"/opt/libtwo.so"});
    model.set_filter({}, only({Kind::removed, Kind::added}));
    QVERIFY(settled(model));
    QCOMPARE(column(model, ChangeColumn::path), (QStringList{"/hole", "/new", "/opt"}));
    model.set_filter(QStringLiteral("nothing"), all_kinds);
    QVERIFY(settled(model));
    QCOMPARE(model.rowCount(), 0);
}

void TestChangeModel::orders() {
    ChangeModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.show(compared_);
    model.sort(int(ChangeColumn::fetch), Qt::DescendingOrder);
    QVERIFY(settled(model));
    QCOMPARE(column(model, ChangeColumn::path).first(4),
             (QStringList{"/usr/lib/libone.so", "/opt/libtwo.so", "/usr/bin/cat", "/new"}));
    model.sort(int(ChangeColumn::path), Qt::AscendingOrder);
    QVERIFY(settled(model));
    const QStringList paths = column(model, ChangeColumn::path);
    QCOMPARE(paths.first(), "/");
    model.sort(int(ChangeColumn::path), Qt::DescendingOrder);
    QVERIFY(settled(model));
    QCOMPARE(QStringList(paths.rbegin(), paths.rend()), column(model, ChangeColumn::path));
    model.sort(int(ChangeColumn::size_before), Qt::DescendingOrder);
    QVERIFY(settled(model));
    QCOMPARE(column(model, ChangeColumn::path).first(), "/usr/lib/libone.so");
}

void TestChangeModel::nodes() {
    ChangeModel model;
    model.show(compared_);
    QVERIFY(settled(model));
    const auto path_at = [&](int line) {
        return model.index(line, int(ChangeColumn::path)).data().toString();
    };
    QCOMPARE(path_at(model.line_of(opened_.node("/usr/bin/cat"))), "/usr/bin/cat");
    QCOMPARE(path_at(model.line_of(opened_.node("/usr/lib/libtwo.so"))), "/opt/libtwo.so");
    QCOMPARE(path_at(model.line_of(opened_.node("/hole"))), "/hole");
    QCOMPARE(model.line_of(erofs::no_node), -1);
    model.set_filter(QStringLiteral("hole"), all_kinds);
    QVERIFY(settled(model));
    QCOMPARE(model.line_of(opened_.node("/usr/bin/cat")), -1);
}

// The last wish counts, however many came before it was fulfilled.
void TestChangeModel::while_it_changes() {
    ChangeModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    for (int i = 0; i < 50; ++i) {
        model.show(i % 3 == 0 ? nullptr : compared_);
        model.set_filter(QString::number(i), all_kinds);
        model.sort(i % change_columns, i % 2 == 0 ? Qt::AscendingOrder : Qt::DescendingOrder);
        if (i % 5 == 0)
            QCoreApplication::processEvents();
    }
    model.show(compared_);
    model.sort(int(ChangeColumn::path), Qt::AscendingOrder);
    model.set_filter(QStringLiteral("/new"), all_kinds);
    QVERIFY(settled(model));
    QCOMPARE(column(model, ChangeColumn::path), QStringList{"/new"});
}

QTEST_MAIN(TestChangeModel)
#include "test_change_model.moc"
