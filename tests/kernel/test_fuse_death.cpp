// Whatever dies: no reader waits for long, none reads wrong bytes, and the mounts can be removed.
#include "tests/kernel/live_run.h"

#include <QtTest>
#include <csignal>

#include <sys/mount.h>

using namespace coldscope::test;

namespace {
constexpr int patience_ms = sanitized ? 5000 : 2000; // of which 1 s is the guard's grace
} // namespace

class TestFuseDeath : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanup();
    void killed_with_100_held_data() { add_fuse_modes(); }
    void killed_with_100_held();
    void killed_at_random_moments_data() { add_fuse_modes(); }
    void killed_at_random_moments();
    void a_stopped_process_is_ended_data() { add_fuse_modes(); }
    void a_stopped_process_is_ended();
    void the_guard_dies_data() { add_fuse_modes(); }
    void the_guard_dies();

private:
    // Every regular file of at least a page.
    std::vector<QString> files(std::size_t count) const;
    QByteArray expected(const QString& file) const {
        return original(image_.tree + '/' + file, 0, 4096);
    }

    QTemporaryDir folder_;
    TreeImage image_;
};

void TestFuseDeath::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 600, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

// The FUSE mount, too, which names the image.
void TestFuseDeath::cleanup() {
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000);
}

std::vector<QString> TestFuseDeath::files(std::size_t count) const {
    std::vector<QString> chosen;
    for (const QString& file : image_.files) {
        if (chosen.size() < count && QFileInfo(image_.tree + '/' + file).size() >= 4096)
            chosen.push_back(file);
    }
    return chosen;
}

void TestFuseDeath::killed_with_100_held() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const auto chosen = files(100);
    QCOMPARE(chosen.size(), std::size_t{100});
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    QVERIFY(run.start());
    for (const QString& file : chosen)
        QVERIFY(QFileInfo(run.mount() + '/' + file).size() > 0);
    run.command("hold object=1");
    QVERIFY(!run.wait_for("rule").isEmpty());
    std::vector<std::unique_ptr<Reader>> readers;
    for (const QString& file : chosen)
        readers.push_back(std::make_unique<Reader>(run.mount() + '/' + file, 0, 4096));
    QElapsedTimer waited;
    waited.start();
    while (run.count("held") < 100 && waited.elapsed() < 60000)
        run.read_events(50);
    QVERIFY(run.count("held") >= 100);

    QElapsedTimer since;
    since.start();
    QCOMPARE(run.stop(SIGKILL), -1);
    qint64 longest = 0;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        QVERIFY2(readers[i]->finished(
                     static_cast<int>(std::max<qint64>(1, patience_ms - since.elapsed()))),
                 "a reader waits for too long");
        longest = since.elapsed();
        const QByteArray bytes = readers[i]->bytes();
        QVERIFY(readers[i]->result() != 0 || bytes == expected(chosen[i]));
        QVERIFY(bytes.isEmpty() || bytes == expected(chosen[i]));
    }
    qInfo("the last of 100 readers was free %lld ms after the kill",
          static_cast<long long>(longest));
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
    // The folder serves the next run, on the same cache.
    LiveRun next(image_, work.path(), transport);
    QVERIFY(next.start());
    Reader reader(next.mount() + '/' + chosen[0], 0, 4096);
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.bytes(), expected(chosen[0]));
    QCOMPARE(next.stop(), 0);
}

void TestFuseDeath::killed_at_random_moments() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const auto chosen = files(64);
    QTemporaryDir work;
    std::srand(1);
    int compared = 0;
    for (int round = 0; round < 8; ++round) {
        LiveRun run(image_, work.path(), transport);
        run.extra << "--latency"
                  << "2ms"
                  << "--jitter"
                  << "10ms";
        QVERIFY(run.start());
        std::vector<std::unique_ptr<Reader>> readers;
        std::vector<qint64> sizes;
        for (const QString& file : chosen) {
            sizes.push_back(QFileInfo(image_.tree + '/' + file).size());
            readers.push_back(std::make_unique<Reader>(run.mount() + '/' + file, 0, sizes.back()));
        }
        QTest::qWait(std::rand() % 60);
        QCOMPARE(run.stop(SIGKILL), -1);
        for (std::size_t i = 0; i < readers.size(); ++i) {
            QVERIFY(readers[i]->finished(5000));
            const QByteArray bytes = readers[i]->bytes();
            if (readers[i]->result() == 0) {
                QCOMPARE(bytes, original(image_.tree + '/' + chosen[i], 0, sizes[i]));
                ++compared;
            }
        }
        QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
    }
    // Then all of it, over what the killed runs left in the cache.
    LiveRun run(image_, work.path(), transport);
    QVERIFY(run.start());
    for (const QString& file : chosen)
        QCOMPARE(sha256_of(run.mount() + '/' + file), sha256_of(image_.tree + '/' + file));
    QCOMPARE(run.stop(), 0);
    qInfo("%d whole files were compared over 8 kills", compared);
}

void TestFuseDeath::a_stopped_process_is_ended() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const auto chosen = files(4);
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    QVERIFY(run.start());
    for (const QString& file : chosen)
        QVERIFY(QFileInfo(run.mount() + '/' + file).size() > 0);
    QVERIFY(run.suspend());
    std::vector<std::unique_ptr<Reader>> readers;
    for (const QString& file : chosen)
        readers.push_back(std::make_unique<Reader>(run.mount() + '/' + file, 0, 4096));
    // Silent for 5 s, the guard ends it; nobody waits for ever.
    for (auto& reader : readers) {
        QVERIFY(reader->finished(30000));
        QVERIFY(reader->result() != 0);
        QVERIFY(reader->bytes().isEmpty());
    }
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
}

void TestFuseDeath::the_guard_dies() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const auto chosen = files(4);
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    QVERIFY(run.start());
    const pid_t guard = run.guard_pid();
    QVERIFY(guard > 0);
    ::kill(guard, SIGKILL);
    // The run goes on, and says that it is unguarded.
    QVERIFY(!run.wait_for([](const QJsonObject& event) {
                    return event["text"].toString().contains("unguarded");
                })
                 .isEmpty());
    Reader reader(run.mount() + '/' + chosen[0], 0, 4096);
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.bytes(), expected(chosen[0]));
    // A new guard is started, and takes the mounts away when the process dies.
    QVERIFY(!run.wait_for([](const QJsonObject& event) {
                    return event["text"].toString().contains("guarded again");
                })
                 .isEmpty());
    QCOMPARE(run.stop(SIGKILL), -1);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
}

QTEST_GUILESS_MAIN(TestFuseDeath)
#include "test_fuse_death.moc"
