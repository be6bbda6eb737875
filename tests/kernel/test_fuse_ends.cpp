// How runs end: with an output that nobody reads, a guard that is stopped, and somebody else's
// mount in their place.
#include "tests/kernel/live_run.h"

#include <QtTest>
#include <csignal>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace coldscope::test;

class TestFuseEnds : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void output_that_nobody_reads_data() { add_fuse_modes(); }
    void output_that_nobody_reads();
    void a_guard_that_is_stopped_data() { add_fuse_modes(); }
    void a_guard_that_is_stopped();
    void somebody_elses_mount_stays_data() { add_fuse_modes(); }
    void somebody_elses_mount_stays();
    void no_standard_descriptors();
    void a_program_sees_the_hosts_environment();

private:
    QTemporaryDir folder_;
    TreeImage image_;
};

void TestFuseEnds::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 400, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

// The pipe fills up while files are read; then a signal must still end the run, and its readers.
void TestFuseEnds::output_that_nobody_reads() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    QTemporaryDir work;
    const QString mount = work.filePath("mount");
    QVERIFY(QDir().mkdir(mount));
    int ends[2];
    QCOMPARE(pipe2(ends, O_CLOEXEC), 0);
    QCOMPARE(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    const QList<QByteArray> words{program("coldscoped").toUtf8(),
                                  "run",
                                  "--image",
                                  image_.bootstrap.toUtf8(),
                                  "--device",
                                  image_.blob.toUtf8(),
                                  "--mount",
                                  mount.toUtf8(),
                                  "--cache",
                                  work.filePath("cache").toUtf8(),
                                  "--transport",
                                  transport.toUtf8(),
                                  "--json"};
    std::vector<char*> arguments;
    for (const QByteArray& word : words)
        arguments.push_back(const_cast<char*>(word.constData()));
    arguments.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        dup2(open("/dev/null", O_RDONLY), 0);
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    close(ends[1]);
    QTRY_VERIFY_WITH_TIMEOUT(is_mounted(mount), 20000);
    for (const QString& file : image_.files)
        QCOMPARE(sha256_of(mount + '/' + file), sha256_of(image_.tree + '/' + file));
    ::kill(child, SIGTERM);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(mount), 20000);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000);
    // What was said is still there for whoever reads it now, whole lines to the end.
    QByteArray said;
    char bytes[4096];
    for (ssize_t got = 0; (got = read(ends[0], bytes, sizeof bytes)) > 0;)
        said.append(bytes, got);
    close(ends[0]);
    int status = 0;
    QCOMPARE(waitpid(child, &status, 0), child);
    QVERIFY(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    QVERIFY(said.startsWith("{\"cache\"") || said.contains("\"event\":\"ready\""));
    QVERIFY(said.trimmed().split('\n').last().contains("\"event\":\"summary\""));
}

void TestFuseEnds::a_guard_that_is_stopped() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    QVERIFY(run.start());
    const pid_t guard = run.guard_pid();
    QVERIFY(guard > 0);
    Reader before(run.mount() + '/' + image_.files[0], 0, 4096);
    QVERIFY(before.finished(20000));
    ::kill(guard, SIGSTOP);
    const int code = run.stop(); // fails the test itself when it takes 20 s
    ::kill(guard, SIGCONT);
    QVERIFY2(code == 0 || code == 1, qPrintable(QString::number(code)));
    // Once it may go on, it takes away what is left.
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000);
}

void TestFuseEnds::somebody_elses_mount_stays() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    if (geteuid() != 0)
        return; // an ordinary user can't mount another thing there
    QTemporaryDir work;
    for (const int signal : {SIGTERM, SIGKILL}) {
        LiveRun run(image_, work.path(), transport);
        QVERIFY(run.start());
        QCOMPARE(::umount2(run.mount().toUtf8(), MNT_DETACH), 0);
        QCOMPARE(::mount("mine", run.mount().toUtf8(), "tmpfs", 0, "size=64k"), 0);
        (void)run.stop(signal);
        QTest::qWait(500); // for the guard of a killed run
        const bool stays = is_mounted("mine");
        ::umount(run.mount().toUtf8());
        QVERIFY(stays);
    }
}

void TestFuseEnds::no_standard_descriptors() {
    QProcess shell;
    shell.start("sh", {"-c", program("coldscoped") + " ls " + image_.bootstrap +
                                 " / <&- >&- 2>&-; echo $?"});
    QVERIFY(shell.waitForFinished());
    QCOMPARE(shell.readAllStandardOutput().trimmed(), QByteArray("0"));
    shell.start("sh", {"-c", program("coldscoped") + " ls /no/such/image 2>/dev/full; echo $?"});
    QVERIFY(shell.waitForFinished());
    QCOMPARE(shell.readAllStandardOutput().trimmed(), QByteArray("1"));
}

// Not an AppImage's, which would lead it to that one's files.
void TestFuseEnds::a_program_sees_the_hosts_environment() {
    NEEDS_TRANSPORT(QString("fuse-tree"));
    QTemporaryDir work;
    QVERIFY(QDir().mkdir(work.filePath("mount")));
    QProcess run;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("APPDIR", "/the/appimages");
    environment.insert("ARGV0", "Coldscope.AppImage");
    environment.insert("QT_PLUGIN_PATH", "/the/appimages");
    environment.insert("COLDSCOPE_HOST_QT_PLUGIN_PATH", "/the/hosts");
    run.setProcessEnvironment(environment);
    run.start(program("coldscoped"),
              {"run", "--image", image_.bootstrap, "--device", image_.blob, "--transport",
               "fuse-tree", "--mount", work.filePath("mount"), "--cache", work.filePath("cache"),
               "--", "sh", "-c", "echo saw=${APPDIR-none}:${ARGV0-none}:$QT_PLUGIN_PATH"});
    QVERIFY(run.waitForFinished(60000));
    QCOMPARE(run.exitCode(), 0);
    const QByteArray said = run.readAllStandardOutput();
    QVERIFY2(said.contains("saw=none:none:/the/hosts\n"), said.constData());
}

QTEST_GUILESS_MAIN(TestFuseEnds)
#include "test_fuse_ends.moc"
