// run --privileged: an ordinary user's coldscoped has its guard started as root, by a stand-in for
// pkexec that hands the order to a process of root's.
#include "tests/kernel/live_run.h"
#include "tests/kernel/pkexec_relay.h"

#include <QtTest>
#include <csignal>

using namespace coldscope::test;

namespace {
constexpr uid_t nobody = 65534;
}

class TestPrivileged : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void starts_the_guard_data();
    void starts_the_guard();
    void a_refusal_is_told();
    void nothing_to_start_it_with();

private:
    QTemporaryDir folder_;
    TreeImage image_;
};

void TestPrivileged::initTestCase() {
    NEEDS_TRANSPORT(QString("fanotify"));
    NEEDS_TRANSPORT(QString("fuse-blob"));
    QString error;
    image_ = make_tree_image(folder_.path(), 400, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestPrivileged::starts_the_guard_data() {
    QTest::addColumn<QString>("transport");
    QTest::addColumn<QString>("whom");
    QTest::newRow("fuse-blob") << "fuse-blob"
                               << "--user";
    QTest::newRow("fanotify") << "fanotify"
                              << "--trusted-user";
}

void TestPrivileged::starts_the_guard() {
    QFETCH(QString, transport);
    QFETCH(QString, whom);
    PkexecRelay relay;
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    run.user = nobody;
    run.asks_for_guard = true;
    run.environment = {{"PATH", relay.path() + ":/usr/bin:/bin"},
                       {"COLDSCOPE_TEST_PKEXEC", relay.socket_path()}};
    run.extra << "--privileged";
    QVERIFY(run.start());
    QTRY_VERIFY_WITH_TIMEOUT(relay.started() > 0, 20000); // it may have begun before that is noted
    const QStringList asked = relay.asked();
    QVERIFY2(asked.value(0).endsWith("/coldscope-guard"), qPrintable(asked.join(' ')));
    // polkit's actions go by this one.
    QCOMPARE(asked.mid(1, 2), QStringList({whom, QString::number(nobody)}));
    QCOMPARE(asked.mid(3),
             QStringList({"--grace", "1000", "--folder", run.cache(), "--folder", run.mount()}));
    for (const QString& file : image_.files)
        QCOMPARE(sha256_of(run.mount() + '/' + file), sha256_of(image_.tree + '/' + file));
    QCOMPARE(run.stop(), 0);
    QVERIFY(!is_mounted(run.mount()));
    QTRY_VERIFY_WITH_TIMEOUT(::kill(relay.started(), 0) != 0, 20000);
}

void TestPrivileged::a_refusal_is_told() {
    PkexecRelay relay(PkexecRelay::Answer::dismissed);
    QTemporaryDir work;
    LiveRun run(image_, work.path(), "fuse-blob");
    run.user = nobody;
    run.asks_for_guard = true;
    run.environment = {{"PATH", relay.path() + ":/usr/bin:/bin"},
                       {"COLDSCOPE_TEST_PKEXEC", relay.socket_path()}};
    run.extra << "--privileged";
    QTest::ignoreMessage(QtWarningMsg,
                         QRegularExpression("pkexec did not start it \\(exit status 126\\)"));
    QVERIFY(!run.start());
    QCOMPARE(relay.started(), 0);
}

void TestPrivileged::nothing_to_start_it_with() {
    QTemporaryDir work;
    QFile::setPermissions(work.path(), QFile::Permissions(0x7755));
    LiveRun run(image_, work.path() + "/a b", "fuse-blob");
    run.user = nobody;
    run.asks_for_guard = true;
    run.environment = {{"PATH", work.path()}};
    run.extra << "--privileged";
    QTest::ignoreMessage(
        QtWarningMsg,
        QRegularExpression("cannot start pkexec.*cannot start sudo.*/coldscope-guard --user 65534 "
                           "--grace 1000 --folder '[^']*/a b/cache' --folder '[^']*/a b/mount'"));
    QVERIFY(!run.start());
}

QTEST_GUILESS_MAIN(TestPrivileged)
#include "test_privileged.moc"
