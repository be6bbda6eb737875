// Findings of images that are as they should be, and of one that is not.
#include "app/models/findings_model.h"
#include "tests/models/opened_workspace.h"

#include <QAbstractItemModelTester>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestFindingsModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void a_broken_image();
    void what_was_left_out_is_counted();
};

void TestFindingsModel::a_broken_image() {
    OpenedWorkspace opened;
    FindingsModel model(opened.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QVERIFY(opened.open());
    QCOMPARE(model.rowCount(), 0);
    BuiltImage broken = small_image();
    broken.bytes[1024 + 4] ^= std::byte{1}; // the checksum
    QVERIFY(opened.open(broken));
    QVERIFY(model.rowCount() > 0);
    const auto text = [&](int column) { return model.index(0, column).data().toString(); };
    QCOMPARE(text(FindingsModel::severity), "error");
    QVERIFY(text(FindingsModel::structure).contains("superblock"));
    QVERIFY(!text(FindingsModel::message).isEmpty());
    QVERIFY(model.finding_at(0) != nullptr);
    QVERIFY(model.finding_at(model.rowCount()) == nullptr);
}

void TestFindingsModel::what_was_left_out_is_counted() {
    ImageBuilder builder;
    for (unsigned i = 0; i < 1200; ++i) {
        FileSpec file;
        file.path = "/file" + std::to_string(i);
        file.data = to_bytes("x");
        builder.add(file);
    }
    BuiltImage broken = builder.build();
    for (const auto& [path, at] : broken.inode) {
        if (path.starts_with("/file"))
            broken.bytes[at] = std::byte{0xFE}; // no such layout
    }
    broken.fix_checksum();
    OpenedWorkspace opened;
    FindingsModel model(opened.workspace);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QVERIFY(opened.open(broken));
    const auto& findings = opened.workspace.findings();
    QVERIFY(findings.left_out() > 0);
    QCOMPARE(model.rowCount(), int(erofs::Findings::limit) + 1);
    const int last = model.rowCount() - 1;
    QVERIFY(model.finding_at(last) == nullptr);
    QVERIFY(model.index(last, FindingsModel::message)
                .data()
                .toString()
                .contains(QString::number(findings.left_out())));
}

QTEST_MAIN(TestFindingsModel)
#include "test_findings_model.moc"
