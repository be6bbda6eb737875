// Coldscope on older kernels with the on-demand mode of cachefiles: what is there, and what the
// probe says of it.
#include "tests/kernel/live_run.h"
#include "tests/vm/virtual_machine.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QtTest>

using namespace coldscope::test;

class TestVmKernels : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void probe_data();
    void probe();
};

void TestVmKernels::probe_data() {
    QTest::addColumn<QString>("series");
    QTest::addColumn<QString>("fanotify_lacks");
    QTest::newRow("6.1") << "6.1"
                         << "file-backed EROFS mounts came with Linux 6.12";
    QTest::newRow("6.12") << "6.12"
                          << "pre-content events came with Linux 6.14";
}

void TestVmKernels::probe() {
    QFETCH(QString, series);
    QFETCH(QString, fanotify_lacks);
    VirtualMachine machine(series);
    NEEDS_MACHINE(machine);
    machine.programs << program("coldscoped") << program("coldscope-guard");
    machine.script = "test -c /dev/cachefiles && echo device there\n"
                     "grep -q erofs /proc/filesystems && echo erofs there\n"
                     "ls /dev/vport*p1 >/dev/null && echo port there\n"
                     "echo probe $(coldscoped probe --json)\n";
    machine.with_port = true;
    QVERIFY(machine.run());
    for (const char* what : {"device", "erofs", "port"})
        QCOMPARE(machine.said(what), QByteArrayList{"there"});

    QCOMPARE(machine.said("probe").size(), 1);
    const auto answer = QJsonDocument::fromJson(machine.said("probe")[0]).object();
    QCOMPARE(answer["kernel"].toString(), machine.version());
    QMap<QString, QJsonObject> found;
    for (const QJsonValue& one : answer["transports"].toArray())
        found[one["name"].toString()] = one.toObject();
    // FUSE works there, and with it io_uring, which every transport needs.
    QVERIFY2(found["fuse-tree"]["works"].toBool(), qPrintable(machine.said("probe")[0]));
    QVERIFY(!found["fanotify"]["works"].toBool());
    QVERIFY2(found["fanotify"]["reason"].toString().startsWith(fanotify_lacks),
             qPrintable(machine.said("probe")[0]));
}

QTEST_GUILESS_MAIN(TestVmKernels)
#include "test_vm_kernels.moc"
