// Blob mode as an ordinary user, whose guard root has started: what is read is right, requests are
// steered, and when a run dies its readers wait for another run within the grace, or get an error.
#include "tests/kernel/live_run.h"

#include <QtTest>
#include <algorithm>
#include <csignal>

#include <sys/mount.h>
#include <unistd.h>

using namespace coldscope::test;

namespace {
constexpr uid_t nobody = 65534;
constexpr int at_work = 64;                          // readers
constexpr int grace_ms = 1000;                       // as the guard's default
constexpr int patience_ms = sanitized ? 4000 : 1000; // beyond the grace; its end takes its time
} // namespace

class TestFuseUser : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void every_file_data();
    void every_file();
    void steered();
    void killed_with_all_held();
    void another_run_takes_over();
    void a_new_guard_is_handed_the_connection();
    void another_image_takes_nothing_over();
    void without_grace_nothing_is_kept();
    void two_images_share_a_cache();

private:
    struct Work {
        std::unique_ptr<Reader> reader;
        QString file;
    };
    // Of files of at least a page, whose metadata is known to the kernel: each waits for its data.
    [[nodiscard]] std::vector<Work> held_readers(LiveRun& run, std::size_t count);
    [[nodiscard]] QByteArray expected(const QString& file) const {
        return original(image_.tree + '/' + file, 0, 4096);
    }
    [[nodiscard]] bool all_read_right(const LiveRun& run) const;
    // All have ended within so long, with an error or with right bytes; how many had an error.
    void all_end(std::vector<Work>& work, int within_ms, int& errors);

    QTemporaryDir folder_;
    TreeImage image_;
};

void TestFuseUser::initTestCase() {
    NEEDS_TRANSPORT(QString("fuse-blob"));
    QString error;
    image_ = make_tree_image(folder_.path(), 600, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

std::vector<TestFuseUser::Work> TestFuseUser::held_readers(LiveRun& run, std::size_t count) {
    std::vector<Work> work;
    QStringList files;
    for (const QString& file : image_.files) {
        if (static_cast<std::size_t>(files.size()) < count &&
            QFileInfo(image_.tree + '/' + file).size() >= 8192 &&
            QFileInfo(run.mount() + '/' + file).size() > 0)
            files << file;
    }
    run.command("hold object=1");
    if (run.wait_for("rule").isEmpty())
        return {};
    for (const QString& file : files)
        work.push_back({std::make_unique<Reader>(run.mount() + '/' + file, 0, 4096), file});
    if (run.wait_for("held").isEmpty())
        return {};
    for (const Work& one : work) {
        if (!QTest::qWaitFor([&] { return one.reader->waits() || one.reader->finished(1); }, 20000))
            return {};
    }
    return work;
}

bool TestFuseUser::all_read_right(const LiveRun& run) const {
    return std::ranges::all_of(image_.files, [&](const QString& file) {
        return sha256_of(run.mount() + '/' + file) == sha256_of(image_.tree + '/' + file);
    });
}

void TestFuseUser::all_end(std::vector<Work>& work, int within_ms, int& errors) {
    QElapsedTimer since;
    since.start();
    for (Work& one : work) {
        QVERIFY2(one.reader->finished(
                     static_cast<int>(std::max<qint64>(1, within_ms - since.elapsed()))),
                 "a reader still waits");
        const QByteArray bytes = one.reader->bytes();
        errors += one.reader->result() != 0 ? 1 : 0;
        QVERIFY(one.reader->result() != 0 ? bytes.isEmpty() : bytes == expected(one.file));
    }
    qInfo("the last of %zu readers was free %lld ms later; %d got an error", work.size(),
          static_cast<long long>(since.elapsed()), errors);
}

void TestFuseUser::every_file_data() {
    QTest::addColumn<QString>("kind");
    QTest::addColumn<bool>("buffered");
    for (const char* kind : {"plain", "64K", "lz4", "two blobs"})
        QTest::newRow(kind) << kind << false;
    QTest::newRow("64K, buffered") << "64K" << true;
}

void TestFuseUser::every_file() {
    QFETCH(QString, kind);
    QFETCH(bool, buffered);
    QString error;
    const TreeImage image = make_image_of(image_, kind, &error);
    QVERIFY2(!image.bootstrap.isEmpty(), qPrintable(error));
    QTemporaryDir work;
    for (const bool kept : {false, true}) {
        LiveRun run(image, work.path(), "fuse-blob");
        run.user = nobody;
        if (buffered)
            run.extra << "--buffered";
        QVERIFY2(run.start(), run.guard_output().constData());
        QVERIFY(all_read_right(run));
        QVERIFY(drop_caches());
        QVERIFY(all_read_right(run));
        QCOMPARE(run.stop(), 0);
        QVERIFY(!is_mounted(run.mount()));
        QVERIFY(!is_mounted(image.bootstrap));
        QCOMPARE(run.count("fetching") == 0, kept);
        // Nothing but the cache is left there.
        QCOMPARE(QDir(run.cache()).entryList({"fuse-*", "guard.socket"}, QDir::AllEntries),
                 QStringList());
    }
}

void TestFuseUser::steered() {
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fuse-blob");
    run.user = nobody;
    QVERIFY2(run.start(), run.guard_output().constData());
    auto work = held_readers(run, 3);
    QCOMPARE(work.size(), std::size_t{3});
    std::vector<QByteArray> requests;
    for (const Work& one : work) {
        const QJsonObject held = run.wait_for([&](const QJsonObject& event) {
            return event["event"] == "held" && event["pid"].toInteger() == one.reader->pid();
        });
        QVERIFY(!held.isEmpty());
        requests.push_back(QByteArray::number(held["request"].toInteger()));
    }
    run.command("clear"); // a failed page is asked for again; that one is not held
    run.command("fail EIO next object=1 pid=" + QByteArray::number(work[1].reader->pid()));
    run.command("fail " + requests[1]);
    run.command("delay " + requests[2] + " 300ms");
    QVERIFY(work[1].reader->finished(20000));
    QCOMPARE(work[1].reader->result(), EIO);
    QVERIFY(work[1].reader->bytes().isEmpty());
    QVERIFY(!run.wait_for("delayed", requests[2].toLongLong()).isEmpty());
    QVERIFY(work[2].reader->finished(20000));
    QCOMPARE(work[2].reader->bytes(), expected(work[2].file));
    QTRY_VERIFY_WITH_TIMEOUT(work[0].reader->waits(), 20000);
    run.command("release " + requests[0]);
    QVERIFY(work[0].reader->finished(20000));
    QCOMPARE(work[0].reader->bytes(), expected(work[0].file));
    QCOMPARE(run.stop(), 0);
}

void TestFuseUser::killed_with_all_held() {
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fuse-blob");
    run.user = nobody;
    QVERIFY2(run.start(), run.guard_output().constData());
    auto work = held_readers(run, at_work);
    QCOMPARE(work.size(), std::size_t{at_work});
    QCOMPARE(run.stop(SIGKILL), -1);
    int errors = 0;
    all_end(work, grace_ms + patience_ms, errors);
    QVERIFY(errors > 0);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000);
    LiveRun next(image_, work_folder.path(), "fuse-blob");
    next.user = nobody;
    QVERIFY2(next.start(), next.guard_output().constData());
    QVERIFY(all_read_right(next));
    QCOMPARE(next.stop(), 0);
}

// What the dead run had read is asked again as well as what it had not; nothing that was local is
// fetched twice.
void TestFuseUser::another_run_takes_over() {
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fuse-blob");
    run.user = nobody;
    run.grace_ms = 10'000; // a busy machine may start the next slowly
    QVERIFY2(run.start(), run.guard_output().constData());
    for (qsizetype i = 0; i < 40; ++i)
        QCOMPARE(sha256_of(run.mount() + '/' + image_.files[image_.files.size() - 1 - i]),
                 sha256_of(image_.tree + '/' + image_.files[image_.files.size() - 1 - i]));
    auto work = held_readers(run, at_work);
    QCOMPARE(work.size(), std::size_t{at_work});
    QVERIFY(run.settled()); // what came is in the cache by then
    // Stopped, it reads nothing any more: these are still queued.
    QVERIFY(run.suspend());
    const QString late = *std::ranges::find_if(image_.files, [&](const QString& one) {
        return QFileInfo(image_.tree + '/' + one).size() > 600'000;
    });
    Reader queued(run.mount() + '/' + late, 524'288, 4096);
    QTRY_VERIFY_WITH_TIMEOUT(queued.waits(), 20000);
    QCOMPARE(run.stop(SIGKILL), -1);

    // Two times: the second takes over from the first, which held what it had been asked again.
    LiveRun second(image_, work_folder.path(), "fuse-blob");
    second.user = nobody;
    second.takes_over = true;
    QVERIFY(second.start());
    int errors = 0;
    all_end(work, 30000, errors);
    QCOMPARE(errors, 0);
    QVERIFY(queued.finished(20000));
    QCOMPARE(queued.bytes(), original(image_.tree + '/' + late, 524'288, 4096));
    QVERIFY(second.settled());
    QCOMPARE(second.stop(SIGKILL), -1);
    LiveRun third(image_, work_folder.path(), "fuse-blob");
    third.user = nobody;
    third.takes_over = true;
    QVERIFY(third.start());
    QVERIFY(drop_caches());
    QVERIFY(all_read_right(third));
    QCOMPARE(third.stop(), 0);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000);
    qint64 fetched = 0;
    for (const LiveRun* one : {&run, &second, &third}) {
        for (const QJsonObject& event : one->events())
            fetched += event["event"] == "fetching" ? event["length"].toInteger() : 0;
    }
    QVERIFY(fetched > 1'000'000);
    QVERIFY(fetched <= QFileInfo(image_.blob).size() + QFileInfo(image_.bootstrap).size());
}

// It has no right to unmount, but keeps readers waiting for the grace, and hands all on.
void TestFuseUser::a_new_guard_is_handed_the_connection() {
    for (const bool taken : {true, false}) {
        QTemporaryDir work_folder;
        LiveRun run(image_, work_folder.path(), "fuse-blob");
        run.user = nobody;
        if (taken) // of the new guard; a busy machine may start the next run slowly
            run.extra << "--grace"
                      << "10s";
        QVERIFY2(run.start(), run.guard_output().constData());
        ::kill(run.guard_pid(), SIGKILL);
        for (const char* text : {"unguarded", "guarded again"})
            QVERIFY(!run.wait_for([&](const QJsonObject& one) {
                            return one["event"] == "notice" &&
                                   one["text"].toString().contains(text);
                        })
                         .isEmpty());
        auto work = held_readers(run, 16);
        QCOMPARE(work.size(), std::size_t{16});
        QCOMPARE(run.stop(SIGKILL), -1);
        LiveRun next(image_, work_folder.path(), "fuse-blob");
        next.user = nobody;
        next.takes_over = true;
        if (taken)
            QVERIFY(next.start());
        int errors = 0;
        all_end(work, taken ? 30000 : grace_ms + patience_ms, errors);
        QVERIFY(taken ? errors == 0 : errors > 0);
        if (taken) {
            QVERIFY(all_read_right(next));
            QCOMPARE(next.stop(), 1);
        }
        QCOMPARE(::umount2(qPrintable(run.mount()), MNT_DETACH), 0);
        for (const QString& left : QDir(run.cache()).entryList({"fuse-*"}, QDir::Dirs))
            QCOMPARE(::umount2(qPrintable(run.cache() + '/' + left), MNT_DETACH), 0);
    }
}

void TestFuseUser::another_image_takes_nothing_over() {
    QString error;
    const TreeImage other = make_image_of(image_, "4K", &error);
    QVERIFY2(!other.bootstrap.isEmpty(), qPrintable(error));
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fuse-blob");
    run.user = nobody;
    run.grace_ms = 10'000; // a refused run ends it
    QVERIFY2(run.start(), run.guard_output().constData());
    auto work = held_readers(run, 4);
    QCOMPARE(work.size(), std::size_t{4});
    QCOMPARE(run.stop(SIGKILL), -1);
    LiveRun next(other, work_folder.path(), "fuse-blob");
    next.user = nobody;
    next.takes_over = true;
    QTest::ignoreMessage(QtWarningMsg,
                         QRegularExpression("is not what is mounted on|are not what"));
    QVERIFY(!next.start());
    int errors = 0;
    all_end(work, run.grace_ms + patience_ms, errors);
    QCOMPARE(errors, 4);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
}

// The kernel itself ends the connection then.
void TestFuseUser::without_grace_nothing_is_kept() {
    QTemporaryDir work_folder;
    LiveRun run(image_, work_folder.path(), "fuse-blob");
    run.extra << "--grace"
              << "0ms";
    QVERIFY(run.start());
    const pid_t guard = run.guard_pid();
    QVERIFY(guard > 0);
    const QDir descriptors(QString("/proc/%1/fd").arg(guard));
    for (const QString& name : descriptors.entryList(QDir::AllEntries | QDir::System))
        QVERIFY(QFileInfo(descriptors.filePath(name)).symLinkTarget() != "/dev/fuse");
    QVERIFY(!QFile::exists(run.cache() + "/guard.socket"));
    auto work = held_readers(run, 4);
    QCOMPARE(work.size(), std::size_t{4});
    ::kill(guard, SIGSTOP); // it is not needed for that
    QCOMPARE(run.stop(SIGKILL), -1);
    int errors = 0;
    all_end(work, 2000, errors);
    QCOMPARE(errors, 4);
    ::kill(guard, SIGCONT);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000);
}

// The second run's own guard waits for nobody, and disturbs neither run.
void TestFuseUser::two_images_share_a_cache() {
    QString error;
    const TreeImage other = make_image_of(image_, "4K", &error);
    QVERIFY2(!other.bootstrap.isEmpty(), qPrintable(error));
    QTemporaryDir work_folder, elsewhere;
    LiveRun run(image_, work_folder.path(), "fuse-blob");
    QVERIFY(run.start());
    QVERIFY(QFile::link(run.cache(), elsewhere.path() + "/cache"));
    LiveRun second(other, elsewhere.path(), "fuse-blob");
    QVERIFY(second.start());
    QVERIFY(all_read_right(run));
    QVERIFY(all_read_right(second));
    QCOMPARE(second.stop(), 0);
    QVERIFY(QFile::exists(run.cache() + "/guard.socket"));
    QVERIFY(drop_caches());
    QVERIFY(all_read_right(run));
    QCOMPARE(run.stop(), 0);
    QVERIFY(!is_mounted(image_.bootstrap));
    QVERIFY(!is_mounted(other.bootstrap));
}

QTEST_GUILESS_MAIN(TestFuseUser)
#include "test_fuse_user.moc"
