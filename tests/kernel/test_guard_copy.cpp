// Programs that lie on FUSE, as an AppImage's do: the guard that they start is a copy, which root
// can read, and which lives on when what it was copied from is gone.
#include "tests/kernel/live_run.h"
#include "tests/kernel/pkexec_relay.h"

#include <QtTest>
#include <csignal>

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

using namespace coldscope::test;

namespace {

constexpr uid_t nobody = 65534;

QStringList in(const QString& folder) {
    return QDir(folder).entryList(QDir::AllEntries | QDir::NoDotAndDotDot | QDir::Hidden);
}

} // namespace

class TestGuardCopy : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();
    void outlives_its_file_system();
    void is_what_pkexec_gets();
    void is_made_again_where_it_was_changed();
    void folders_for_it_data();
    void folders_for_it();
    void no_folder_for_it();

private:
    QTemporaryDir folder_;
    TreeImage programs_; // an image of coldscoped and the guard
    TreeImage image_;
    std::unique_ptr<QTemporaryDir> work_;
    QString runtime_;
    std::unique_ptr<LiveRun> outer_;
};

void TestGuardCopy::initTestCase() {
    NEEDS_TRANSPORT(QString("fanotify"));
    NEEDS_TRANSPORT(QString("fuse-tree"));
    if (geteuid() != 0) {
        QVERIFY2(!must_not_skip(), "not root");
        QSKIP("fanotify needs root");
    }
    QString error;
    image_ = make_tree_image(folder_.path(), 200, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    programs_.tree = folder_.filePath("programs");
    programs_.bootstrap = folder_.filePath("programs.erofs");
    QVERIFY(QDir().mkdir(programs_.tree));
    for (const char* name : {"coldscoped", "coldscope-guard"})
        QVERIFY(QFile::copy(program(name), programs_.tree + '/' + name));
    QVERIFY2(run_mkfs({programs_.bootstrap, programs_.tree}, &error), qPrintable(error));
}

void TestGuardCopy::init() {
    work_ = std::make_unique<QTemporaryDir>();
    QFile::setPermissions(work_->path(), QFile::Permissions(0x7755));
    runtime_ = work_->filePath("runtime");
    QVERIFY(QDir().mkdir(runtime_));
    qputenv("XDG_RUNTIME_DIR", runtime_.toUtf8());
    outer_ = std::make_unique<LiveRun>(programs_, work_->filePath("outer"), "fuse-tree");
    QVERIFY(outer_->start());
    struct statfs system {};
    QCOMPARE(::statfs(qPrintable(outer_->mount() + "/coldscope-guard"), &system), 0);
    QCOMPARE(static_cast<long>(system.f_type), static_cast<long>(FUSE_SUPER_MAGIC));
}

void TestGuardCopy::cleanup() {
    outer_.reset();
    qunsetenv("XDG_RUNTIME_DIR");
}

void TestGuardCopy::outlives_its_file_system() {
    LiveRun run(image_, work_->filePath("inner"), "fanotify");
    run.programs = outer_->mount();
    QVERIFY(run.start());
    const pid_t guard = run.guard_pid();
    QVERIFY(guard > 0);
    const QString program = QFileInfo(QString("/proc/%1/exe").arg(guard)).symLinkTarget();
    QVERIFY2(program.startsWith(runtime_ + "/coldscope-guard-"), qPrintable(program));
    QCOMPARE(QFileInfo(program).fileName(), "coldscope-guard");
    struct stat status {};
    QCOMPARE(::stat(qPrintable(QFileInfo(program).path()), &status), 0);
    QCOMPARE(status.st_mode & 07777, 0700u);
    QCOMPARE(::stat(qPrintable(program), &status), 0);
    QCOMPARE(status.st_mode & 07777, 0500u);
    QCOMPARE(sha256_of(program), sha256_of(programs_.tree + "/coldscope-guard"));

    run.command("hold all");
    QVERIFY(!run.wait_for("rule").isEmpty());
    std::vector<std::unique_ptr<Reader>> readers;
    for (const QString& file : image_.files.mid(0, 8)) {
        const qint64 size = QFileInfo(image_.tree + '/' + file).size();
        readers.push_back(std::make_unique<Reader>(run.mount() + '/' + file, 0, size));
    }
    QVERIFY(!run.wait_for("held").isEmpty());
    // What serves the programs, so that no page of theirs comes any more; then who serves readers.
    QCOMPARE(outer_->stop(SIGKILL), -1);
    QCOMPARE(run.stop(SIGKILL), -1);
    int errors = 0;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        QVERIFY(readers[i]->finished(20000));
        const QByteArray bytes = readers[i]->bytes();
        QCOMPARE(bytes, original(image_.tree + '/' + image_.files[static_cast<qsizetype>(i)], 0,
                                 bytes.size()));
        errors += readers[i]->result() != 0 ? 1 : 0;
    }
    QVERIFY(errors > 0);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
    QTRY_VERIFY_WITH_TIMEOUT(::kill(guard, 0) != 0, 20000);
    // The killed run's copy goes with the next one's.
    QCOMPARE(in(runtime_).size(), 1);
    outer_ = std::make_unique<LiveRun>(programs_, work_->filePath("outer again"), "fuse-tree");
    QVERIFY(outer_->start());
    LiveRun next(image_, work_->filePath("next"), "fuse-blob");
    next.programs = outer_->mount();
    QVERIFY(next.start());
    QCOMPARE(in(runtime_).size(), 1);
    QCOMPARE(next.stop(), 0);
    QCOMPARE(in(runtime_), QStringList());
}

// As an ordinary user, whose copy root starts.
void TestGuardCopy::is_what_pkexec_gets() {
    QCOMPARE(::chown(qPrintable(runtime_), nobody, nobody), 0);
    QFile::setPermissions(runtime_, QFile::Permissions(0x7700));
    PkexecRelay relay;
    LiveRun run(image_, work_->filePath("inner"), "fanotify");
    run.programs = outer_->mount();
    run.user = nobody;
    run.asks_for_guard = true;
    run.environment = {{"PATH", relay.path() + ":/usr/bin:/bin"},
                       {"COLDSCOPE_TEST_PKEXEC", relay.socket_path()}};
    run.extra << "--privileged";
    QVERIFY(run.start());
    const QString asked = relay.asked().value(0);
    QVERIFY2(asked.startsWith(runtime_ + "/coldscope-guard-") && asked.endsWith("/coldscope-guard"),
             qPrintable(asked));
    struct stat status {};
    QCOMPARE(::stat(qPrintable(asked), &status), 0);
    QCOMPARE(status.st_uid, nobody);
    QCOMPARE(sha256_of(asked), sha256_of(programs_.tree + "/coldscope-guard"));
    for (const QString& file : image_.files)
        QCOMPARE(sha256_of(run.mount() + '/' + file), sha256_of(image_.tree + '/' + file));
    QCOMPARE(run.stop(), 0);
    QTRY_VERIFY_WITH_TIMEOUT(::kill(relay.started(), 0) != 0, 20000);
    QCOMPARE(in(runtime_), QStringList());
}

// A guard that is started again is the copy of the first one, unless somebody changed that.
void TestGuardCopy::is_made_again_where_it_was_changed() {
    LiveRun run(image_, work_->filePath("inner"), "fuse-blob");
    run.programs = outer_->mount();
    QVERIFY(run.start());
    const auto program_of = [&] {
        return QFileInfo(QString("/proc/%1/exe").arg(run.guard_pid())).symLinkTarget();
    };
    const auto next = [&] {
        const pid_t before = run.guard_pid();
        ::kill(before, SIGKILL);
        return QTest::qWaitFor([&] { return run.guard_pid() > 0 && run.guard_pid() != before; },
                               20000);
    };
    const QString first = program_of();
    QVERIFY2(first.startsWith(runtime_), qPrintable(first));
    QVERIFY(next());
    QCOMPARE(program_of(), first);
    QFile copy(first);
    QVERIFY(copy.remove() && copy.open(QIODevice::WriteOnly) && copy.write("#!/bin/false\n") > 0);
    copy.close();
    QFile::setPermissions(first, QFile::Permissions(0x7500));
    QVERIFY(next());
    const QString second = program_of();
    QVERIFY2(second.startsWith(runtime_) && second != first, qPrintable(second));
    QCOMPARE(sha256_of(second), sha256_of(programs_.tree + "/coldscope-guard"));
    QCOMPARE(run.stop(), 0);
    QCOMPARE(in(runtime_), QStringList());
}

void TestGuardCopy::folders_for_it_data() {
    QTest::addColumn<uint>("runtime_mode");
    QTest::addColumn<uint>("home_owner");
    QTest::addColumn<QString>("there"); // relative to the test's folder
    QTest::newRow("its own") << 0700u << 0u << "runtime";
    QTest::newRow("a group may rename there") << 0770u << 0u << "home/.cache";
    QTest::newRow("as in /tmp") << 01777u << 0u << "runtime";
    QTest::newRow("a user's home") << 0777u << nobody << "/tmp";
}

// The user's own come before /tmp, and nothing is made where it is not their turn.
void TestGuardCopy::folders_for_it() {
    QFETCH(uint, runtime_mode);
    QFETCH(uint, home_owner);
    QFETCH(QString, there);
    const QString home = work_->filePath("home");
    QVERIFY(QDir().mkdir(home));
    QCOMPARE(::chown(qPrintable(home), home_owner, home_owner), 0);
    QCOMPARE(::chmod(qPrintable(runtime_), runtime_mode), 0);
    const QByteArray own_home = qgetenv("HOME");
    const auto restore = qScopeGuard([&] { qputenv("HOME", own_home); });
    qputenv("HOME", home.toUtf8());
    qunsetenv("XDG_CACHE_HOME");
    LiveRun run(image_, work_->filePath("inner"), "fuse-blob");
    run.programs = outer_->mount();
    QVERIFY(run.start());
    const QString copy = QFileInfo(QString("/proc/%1/exe").arg(run.guard_pid())).symLinkTarget();
    QVERIFY2(copy.startsWith(QDir(work_->path()).filePath(there) + "/coldscope-guard-"),
             qPrintable(copy));
    QCOMPARE(QFileInfo::exists(home + "/.cache"), there == "home/.cache");
    QCOMPARE(run.stop(), 0);
    QVERIFY(!QFileInfo::exists(copy));
}

// In a mount namespace of its own, whose /tmp is mounted noexec.
void TestGuardCopy::no_folder_for_it() {
    QVERIFY(QDir().mkdir(work_->filePath("mount")));
    QProcess run;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const char* name : {"HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"})
        environment.remove(name);
    run.setProcessEnvironment(environment);
    run.setProcessChannelMode(QProcess::MergedChannels);
    run.start("unshare",
              {"--mount", "--propagation", "private", "sh", "-c",
               "mount --rbind /tmp /tmp && mount -o remount,bind,noexec /tmp && exec \"$@\"", "sh",
               outer_->mount() + "/coldscoped", "run", "--image", image_.bootstrap, "--device",
               image_.blob, "--transport", "fuse-blob", "--mount", work_->filePath("mount"),
               "--cache", work_->filePath("cache")});
    QVERIFY(run.waitForFinished(60000));
    const QByteArray said = run.readAll();
    QVERIFY2(said.contains("there is no folder that may hold programs: /tmp: it is mounted noexec"),
             said.constData());
    QCOMPARE(run.exitCode(), 1);
}

QTEST_GUILESS_MAIN(TestGuardCopy)
#include "test_guard_copy.moc"
