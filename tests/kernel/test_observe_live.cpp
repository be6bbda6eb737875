// Observing a mount that is served on demand: what the observer asks for is marked, and no rule
// keeps it waiting.
#include "tests/kernel/live_run.h"
#include "tests/kernel/observed_files.h"

#include <QtTest>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

class TestObserveLive : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void is_never_held_data() { add_transports(); }
    void is_never_held();
    void waits_for_no_held_reader();
    void brings_nothing_of_a_marked_file();

private:
    static qint64 of_observers(const LiveRun& run, const QString& what) {
        return std::ranges::count_if(run.events(), [&](const QJsonObject& event) {
            return event["event"] == what && event["observer"].toBool();
        });
    }

    QTemporaryDir folder_;
    TreeImage image_;
};

void TestObserveLive::initTestCase() {
    NEEDS_TRANSPORT(QString("fanotify"));
    NEEDS_TRANSPORT(QString("fuse-blob"));
    NEEDS_TRANSPORT(QString("fuse-tree"));
    QString error;
    image_ = make_tree_image(folder_.path(), 200, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestObserveLive::is_never_held() {
    QFETCH(QString, transport);
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    QVERIFY(run.start());
    Watched watched{run.mount().toStdString(), {}};
    for (const QString& file : image_.files) {
        watched.paths.push_back(file.toStdString());
        QVERIFY(read_all(run.mount() + '/' + file));
    }
    auto observer = Observer::start({watched.folder}, guard::Rights::own);
    QVERIFY(observer);
    run.command("hold command=coldscope-look");
    run.command("hold op=open command=coldscope-look");
    QVERIFY(run.settled());
    // Names and pages go while it looks.
    std::atomic<bool> over = false;
    std::jthread dropping([&] {
        for (unsigned i = 0; !over; ++i) {
            const QString file = run.mount() + '/' + image_.files[i % 40];
            (void)read_all(file);
            (void)evict(file);
        }
    });
    const auto end = qScopeGuard([&] { over = true; });
    for (int i = 0; i < 20; ++i) {
        if (i % 4 == 0)
            QVERIFY(drop_caches());
        const auto sample = (*observer)->sample({watched});
        if (!sample)
            QFAIL(describe(sample.error()).c_str());
        for (const sharing::SeenFile& file : sample->files)
            QCOMPARE(file.sys_errno, 0);
    }
    over = true;
    dropping.join();
    QVERIFY(run.settled());
    QCOMPARE(run.count("held"), 0);
    const qint64 asked = of_observers(run, "arrived");
    qInfo("%lld requests of the observer", static_cast<long long>(asked));
    if (transport == "fuse-blob") // which has to read the names again
        QVERIFY(asked > 0);
    for (const QJsonObject& event : run.events()) {
        if (event["event"] == "arrived")
            QCOMPARE(event["observer"].toBool(), event["command"] == "coldscope-look");
        if (event["event"] == "answered" && event["observer"].toBool())
            QCOMPARE(event["result"].toInt(), 0);
    }
    observer->reset();
    QCOMPARE(run.stop(), 0);
}

// A reader that is held keeps the kernel's lock on a folder's block: it is given up, and said.
void TestObserveLive::waits_for_no_held_reader() {
    QTemporaryDir work;
    LiveRun run(image_, work.path(), "fuse-blob");
    QVERIFY(run.start());
    const QString file = image_.files[0];
    auto observer = Observer::start({run.mount().toStdString()}, guard::Rights::own);
    QVERIFY(observer);
    QVERIFY(drop_caches());
    run.command("hold command=coldscope-test-");
    QVERIFY(run.settled());
    Reader reader(run.mount() + '/' + file, 0, 4096);
    QVERIFY(!run.wait_for("held").isEmpty());
    const Watched watched{run.mount().toStdString(), {file.toStdString(), file.toStdString()}};
    const auto waited = (*observer)->sample({watched});
    QVERIFY(waited);
    for (const sharing::SeenFile& one : waited->files)
        QCOMPARE(one.sys_errno, ETIMEDOUT);
    QVERIFY(!reader.finished(0));
    run.command("release all");
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.result(), 0);
    const auto sample = (*observer)->sample({watched});
    QVERIFY(sample);
    QCOMPARE(sample->files[0].sys_errno, 0);
    QVERIFY(!frames_of(*sample, 0).empty());
    observer->reset();
    QCOMPARE(run.stop(), 0);
}

// A cache file that is marked: to map it asks for all that is mapped.
void TestObserveLive::brings_nothing_of_a_marked_file() {
    QTemporaryDir work;
    LiveRun run(image_, work.path(), "fanotify");
    QVERIFY(run.start());
    const QString file = *std::ranges::find_if(image_.files, [this](const QString& one) {
        return QFileInfo(image_.tree + '/' + one).size() > 100'000;
    });
    QVERIFY(read_all(run.mount() + '/' + file));
    run.command("hold command=coldscope-look");
    QVERIFY(run.settled());
    run.forget();
    Watched watched{run.cache().toStdString(), {}};
    for (const QString& one : QDir(run.cache()).entryList(QDir::Files))
        watched.paths.push_back(one.toStdString());
    // Blocks of the disk that the file has.
    const auto stored = [&] {
        qint64 blocks = 0;
        for (const std::string& one : watched.paths) {
            struct stat status {};
            if (::stat((watched.folder + '/' + one).c_str(), &status) == 0)
                blocks += status.st_blocks;
        }
        return blocks;
    };
    ::sync();
    const qint64 before = stored();
    const auto sample = seen({watched});
    QVERIFY(!sample.frames.empty());
    for (std::size_t i = 0; i < watched.paths.size(); ++i)
        QCOMPARE(sample.files[i].sys_errno, 0);
    ::sync();
    QVERIFY(run.settled());
    QCOMPARE(run.count("held"), 0);
    QVERIFY(of_observers(run, "arrived") > 0);
    QCOMPARE(of_observers(run, "fetching"), 0);
    QCOMPARE(stored(), before);
    QCOMPARE(run.stop(), 0);
}

QTEST_GUILESS_MAIN(TestObserveLive)
#include "test_observe_live.moc"
