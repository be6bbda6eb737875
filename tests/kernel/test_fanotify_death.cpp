// Whatever dies on fanotify, which by itself fails open, or on FUSE as an ordinary user: no reader
// gets a wrong byte, none waits longer than the grace and a second, and the next run works on the
// same cache.
//   COLDSCOPE_ROUNDS  kills of each kind (15; the soak target: 300)
#include "tests/kernel/live_run.h"

#include <QtTest>
#include <algorithm>
#include <csignal>
#include <random>

#include <sys/mount.h>

using namespace coldscope::test;

namespace {
constexpr uid_t nobody = 65534;
constexpr int at_work = 64;                          // readers
constexpr int grace_ms = 1000;                       // as the guard's default
constexpr int patience_ms = sanitized ? 4000 : 1000; // beyond the grace; its end takes its time
} // namespace

class TestFanotifyDeath : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanup();
    void killed_at_random_moments_data();
    void killed_at_random_moments();
    void killed_with_all_held();
    void another_run_takes_over();
    void an_open_file_outlives_the_run();
    void a_new_guard_keeps_watch();
    void what_was_taken_over_is_handed_on();

private:
    struct Work {
        std::unique_ptr<Reader> reader;
        QString file;
        qint64 size = 0;
    };
    [[nodiscard]] std::vector<Work> start_readers(const LiveRun& run, int count);
    // All end in time, each with an error or with right bytes; how many bytes were compared.
    [[nodiscard]] qint64 check(std::vector<Work>& work, int within_ms, const char** wrong);

    QTemporaryDir folder_;
    TreeImage image_;
    std::mt19937 random_{7};
};

void TestFanotifyDeath::initTestCase() {
    NEEDS_TRANSPORT(QString("fanotify"));
    // An ordinary user's guard looks there for what still lives; a bare chroot has none.
    if (!QFile::exists("/sys/fs/erofs"))
        QCOMPARE(::mount("sysfs", "/sys", "sysfs", 0, nullptr), 0);
    QString error;
    image_ = make_tree_image(folder_.path(), 600, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestFanotifyDeath::cleanup() {
    QVERIFY(drop_caches());
}

std::vector<TestFanotifyDeath::Work> TestFanotifyDeath::start_readers(const LiveRun& run,
                                                                      int count) {
    std::vector<Work> work;
    for (int i = 0; i < count; ++i) {
        const QString file = image_.files[static_cast<qsizetype>(
            random_() % static_cast<std::size_t>(image_.files.size()))];
        const qint64 size = QFileInfo(image_.tree + '/' + file).size();
        work.push_back({std::make_unique<Reader>(run.mount() + '/' + file, 0, size), file, size});
    }
    return work;
}

qint64 TestFanotifyDeath::check(std::vector<Work>& work, int within_ms, const char** wrong) {
    QElapsedTimer since;
    since.start();
    qint64 compared = 0;
    for (Work& one : work) {
        if (!one.reader->finished(
                static_cast<int>(std::max<qint64>(1, within_ms - since.elapsed()))))
            *wrong = "a reader still waits";
        const QByteArray bytes = one.reader->bytes();
        const QByteArray expected = original(image_.tree + '/' + one.file, 0, bytes.size());
        if (bytes != expected)
            *wrong = "a reader got wrong bytes";
        if (!one.reader->killed() && one.reader->result() == 0 && bytes.size() != one.size)
            *wrong = "a reader got fewer bytes, and no error";
        compared += bytes.size();
    }
    return compared;
}

void TestFanotifyDeath::killed_at_random_moments_data() {
    QTest::addColumn<QString>("transport");
    QTest::addColumn<QString>("victim");
    for (const char* transport : {"fanotify", "fuse-blob"}) {
        for (const char* victim : {"daemon", "guard", "reader"})
            QTest::addRow("%s, %s", transport, victim) << transport << victim;
    }
}

void TestFanotifyDeath::killed_at_random_moments() {
    QFETCH(QString, transport);
    QFETCH(QString, victim);
    const int rounds = qEnvironmentVariableIntValue("COLDSCOPE_ROUNDS") > 0
                           ? qEnvironmentVariableIntValue("COLDSCOPE_ROUNDS")
                       : sanitized ? 4
                                   : 15;
    QTemporaryDir work_folder;
    qint64 compared = 0;
    int errors = 0;
    for (int round = 0; round < rounds; ++round) {
        // Every fourth round begins cold again.
        if (round % 4 == 0)
            QDir(work_folder.path() + "/cache").removeRecursively();
        LiveRun run(image_, work_folder.path(), transport);
        run.user = nobody;
        run.extra << "--latency"
                  << "1ms"
                  << "--jitter"
                  << "5ms";
        QVERIFY2(run.start(), run.guard_output().constData());
        QVERIFY(drop_caches());
        auto work = start_readers(run, at_work);
        QTest::qSleep(static_cast<int>(random_() % 80));
        if (victim == "daemon")
            QCOMPARE(run.stop(SIGKILL), -1);
        else if (victim == "guard")
            ::kill(run.guard_pid(), SIGKILL);
        else
            ::kill(static_cast<pid_t>(work[random_() % work.size()].reader->pid()), SIGKILL);
        const char* wrong = nullptr;
        // With the daemon alive only its source's delays count; with a machine's 64 processes.
        compared += check(work, victim == "daemon" ? grace_ms + patience_ms : 20000, &wrong);
        QVERIFY2(wrong == nullptr, wrong);
        for (const Work& one : work)
            errors += one.reader->result() != 0 ? 1 : 0;
        if (victim == "guard") {
            // Nobody is left who may unmount. What a guard without root's rights does: no zeros.
            // FUSE's own mount, in the cache folder, stays as well.
            QCOMPARE(run.stop(), 1);
            QVERIFY(drop_caches());
            work = start_readers(run, 8);
            compared += check(work, 5000, &wrong);
            QVERIFY2(wrong == nullptr, wrong);
            QCOMPARE(::umount2(qPrintable(run.mount()), MNT_DETACH), 0);
            for (const QString& left : QDir(run.cache()).entryList({"fuse-*"}, QDir::Dirs)) {
                const QString folder = run.cache() + '/' + left;
                QCOMPARE(::umount2(qPrintable(folder), MNT_DETACH), 0);
                QCOMPARE(::rmdir(qPrintable(folder)), 0);
            }
        } else if (victim == "reader") {
            QCOMPARE(run.stop(), 0);
        }
        QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
        QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000); // FUSE, which goes after it
    }
    // All of it, over what the killed runs left in the cache.
    QVERIFY(drop_caches());
    LiveRun run(image_, work_folder.path(), transport);
    run.user = nobody;
    QVERIFY2(run.start(), run.guard_output().constData());
    for (const QString& file : image_.files)
        QCOMPARE(sha256_of(run.mount() + '/' + file), sha256_of(image_.tree + '/' + file));
    QCOMPARE(run.stop(), 0);
    qInfo("%d rounds, %lld bytes compared, %d readers got an error", rounds,
          static_cast<long long>(compared), errors);
    if (victim != "daemon")
        QVERIFY2(errors <= (victim == "reader" ? rounds : 0), "nobody but the killed may fail");
}

// All wait, half of them not yet read by the daemon: all get the error once the grace is over.
void TestFanotifyDeath::killed_with_all_held() {
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fanotify");
    run.user = nobody;
    QVERIFY2(run.start(), run.guard_output().constData());
    run.command("hold all");
    QVERIFY(!run.wait_for("rule").isEmpty());
    auto work = start_readers(run, at_work);
    QVERIFY(!run.wait_for("held").isEmpty());
    for (const Work& one : work)
        QTRY_VERIFY_WITH_TIMEOUT(one.reader->waits() || one.reader->finished(1), 20000);
    QElapsedTimer since;
    since.start();
    QCOMPARE(run.stop(SIGKILL), -1);
    const char* wrong = nullptr;
    (void)check(work, grace_ms + patience_ms, &wrong);
    QVERIFY2(wrong == nullptr, wrong);
    qInfo("the last of %d readers was free %lld ms after the kill", at_work,
          static_cast<long long>(since.elapsed()));
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
}

// What the dead daemon had read fails; what was still queued is answered by the next, and nothing
// that was local already is fetched twice.
void TestFanotifyDeath::another_run_takes_over() {
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fanotify");
    run.user = nobody;
    run.grace_ms = 10'000; // a busy machine may start the next slowly
    QVERIFY2(run.start(), run.guard_output().constData());
    const QString file = *std::ranges::find_if(image_.files, [&](const QString& one) {
        return QFileInfo(image_.tree + '/' + one).size() > 300'000;
    });
    const QString path = run.mount() + '/' + file;
    Reader before(path, 0, 4096);
    QVERIFY(before.finished(20000));
    QCOMPARE(before.result(), 0);
    // Stopped, it reads nothing any more: what is asked from now on stays in the queue.
    QVERIFY(run.suspend());
    Reader queued(path, 262'144, 4096);
    QTRY_VERIFY_WITH_TIMEOUT(queued.waits(), 20000);
    // Soon: a silent process is ended by its guard.
    QCOMPARE(run.stop(SIGKILL), -1);
    QVERIFY(drop_caches());

    LiveRun next(image_, work_folder.path(), "fanotify");
    next.user = nobody;
    next.takes_over = true;
    QVERIFY(next.start());
    QVERIFY(queued.finished(20000));
    QCOMPARE(queued.result(), 0);
    QCOMPARE(queued.bytes(), original(image_.tree + '/' + file, 262'144, 4096));
    Reader again(path, 0, 4096);
    QVERIFY(again.finished(20000));
    QCOMPARE(again.bytes(), original(image_.tree + '/' + file, 0, 4096));
    for (const QString& one : image_.files)
        QCOMPARE(sha256_of(next.mount() + '/' + one), sha256_of(image_.tree + '/' + one));
    QCOMPARE(next.stop(), 0);
    // Each byte came once: together no more than the blob has.
    qint64 fetched = 0;
    for (const LiveRun* one : {&run, &next}) {
        for (const QJsonObject& event : one->events())
            fetched += event["event"] == "fetching" ? event["length"].toInteger() : 0;
    }
    QVERIFY(fetched > 1'000'000);
    QVERIFY(fetched <= QFileInfo(image_.blob).size());
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(next.mount()), 20000);
}

// The mount is taken away lazily; who has a file open there gets errors for what is cold, not
// zeros.
void TestFanotifyDeath::an_open_file_outlives_the_run() {
    QTemporaryDir work_folder;
    const QString file = *std::ranges::find_if(image_.files, [&](const QString& one) {
        return QFileInfo(image_.tree + '/' + one).size() > 600'000;
    });
    for (const int signal : {SIGTERM, SIGKILL}) {
        QDir(work_folder.path() + "/cache").removeRecursively();
        LiveRun run(image_, work_folder.path(), "fanotify");
        run.user = nobody;
        QVERIFY2(run.start(), run.guard_output().constData());
        QFile open_file(run.mount() + '/' + file);
        QVERIFY(open_file.open(QIODevice::ReadOnly | QIODevice::Unbuffered));
        QCOMPARE(open_file.read(4096), original(image_.tree + '/' + file, 0, 4096));
        QCOMPARE(run.stop(signal), signal == SIGTERM ? 0 : -1);
        QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
        QVERIFY(open_file.seek(524'288));
        QElapsedTimer since;
        since.start();
        QCOMPARE(open_file.read(4096), QByteArray()); // an error
        QVERIFY(open_file.error() != QFile::NoError);
        QVERIFY(since.elapsed() < 2000);
    }
}

// A guard that dies is told, and where the daemon may start another, that one keeps readers safe.
void TestFanotifyDeath::a_new_guard_keeps_watch() {
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fanotify");
    QVERIFY(run.start());
    const pid_t first = run.guard_pid();
    QVERIFY(first > 0);
    ::kill(first, SIGKILL);
    QVERIFY(!run.wait_for([](const QJsonObject& one) {
                    return one["event"] == "notice" && one["text"].toString().contains("unguarded");
                })
                 .isEmpty());
    QVERIFY(!run.wait_for([](const QJsonObject& one) {
                    return one["event"] == "notice" &&
                           one["text"].toString().contains("guarded again");
                })
                 .isEmpty());
    QVERIFY(run.guard_pid() != first);
    run.command("hold all");
    QVERIFY(!run.wait_for("rule").isEmpty());
    auto work = start_readers(run, 16);
    QVERIFY(!run.wait_for("held").isEmpty());
    QTest::qWait(300);
    QCOMPARE(run.stop(SIGKILL), -1);
    const char* wrong = nullptr;
    (void)check(work, grace_ms + patience_ms, &wrong);
    QVERIFY2(wrong == nullptr, wrong);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
}

// A run dies, another takes over, then its guard dies, then it: nobody reads zeros.
void TestFanotifyDeath::what_was_taken_over_is_handed_on() {
    constexpr int long_grace_ms = 10'000; // for the next run to come within, on a busy machine
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fanotify");
    run.extra << "--grace" << QString("%1ms").arg(long_grace_ms);
    QVERIFY(run.start());
    const pid_t first = run.guard_pid();
    QVERIFY(first > 0);
    QCOMPARE(sha256_of(run.mount() + '/' + image_.files[0]),
             sha256_of(image_.tree + '/' + image_.files[0]));
    QCOMPARE(run.stop(SIGKILL), -1);

    LiveRun next(image_, work_folder.path(), "fanotify");
    next.extra << "--grace" << QString("%1ms").arg(long_grace_ms);
    QVERIFY(next.start());
    ::kill(first, SIGKILL);
    QVERIFY(!next.wait_for([](const QJsonObject& one) {
                     return one["event"] == "notice" &&
                            one["text"].toString().contains("guarded again");
                 })
                 .isEmpty());
    next.command("hold all");
    QVERIFY(!next.wait_for("rule").isEmpty());
    auto work = start_readers(next, 16);
    QVERIFY(!next.wait_for("held").isEmpty());
    QTest::qWait(300);
    const QString file = *std::ranges::find_if(image_.files, [&](const QString& one) {
        return one != image_.files[0] && QFileInfo(image_.tree + '/' + one).size() > 600'000;
    });
    QFile open_file(next.mount() + '/' + file); // outlives the mount
    QVERIFY(open_file.open(QIODevice::ReadOnly | QIODevice::Unbuffered));
    QCOMPARE(next.stop(SIGKILL), -1);
    const char* wrong = nullptr;
    (void)check(work, long_grace_ms + patience_ms, &wrong);
    QVERIFY2(wrong == nullptr, wrong);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(next.mount()), 20000);
    QTest::qWait(500); // by then a guard that knows of no file system has ended
    QVERIFY(open_file.seek(524'288));
    QCOMPARE(open_file.read(4096), QByteArray()); // an error
    QVERIFY(open_file.error() != QFile::NoError);
}

QTEST_GUILESS_MAIN(TestFanotifyDeath)
#include "test_fanotify_death.moc"
