// Real files through a real mount, in both FUSE modes: cold, warm, after the kernel dropped its
// copies, and after a restart on the kept cache.
#include "tests/kernel/original_files.h"

#include <QtTest>
#include <csignal>

#include <sys/mman.h>
#include <unistd.h>

using namespace coldscope::test;

class TestFuseRead : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void every_file_data();
    void every_file();
    void many_readers_at_once_data();
    void many_readers_at_once();
    void mapped_memory_and_exec();
    void nothing_is_left_behind_data();
    void nothing_is_left_behind();

private:
    QTemporaryDir folder_;
    TreeImage image_;
    OriginalFiles originals_;
};

void TestFuseRead::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 2200, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    originals_ = OriginalFiles(image_);
}

void TestFuseRead::every_file_data() {
    add_fuse_modes();
}

void TestFuseRead::every_file() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    QTemporaryDir work;
    {
        LiveRun run(image_, work.path(), transport);
        QVERIFY(run.start());
        QCOMPARE(originals_.differing(run.mount()), 0); // cold
        QVERIFY(run.settled());
        QVERIFY(run.count("fetching") > 1000);
        run.forget();
        QCOMPARE(originals_.differing(run.mount()), 0); // warm
        QVERIFY(run.settled());
        QCOMPARE(run.count("fetching"), 0);
        if (drop_caches()) {
            run.forget();
            QCOMPARE(originals_.differing(run.mount()),
                     0); // asked again, and answered from the cache
            QVERIFY(!run.wait_for("answered").isEmpty());
            QVERIFY(run.settled());
            QCOMPARE(run.count("fetching"), 0);
        }
        QCOMPARE(run.stop(SIGINT), 0);
        QVERIFY(!is_mounted(run.mount()));
    }
    LiveRun again(image_, work.path(), transport);
    again.extra << "--latency"
                << "30s"; // a read of the source would be seen, and felt
    QVERIFY(again.start());
    QCOMPARE(originals_.differing(again.mount()), 0);
    QCOMPARE(again.stop(), 0);
    QCOMPARE(again.count("fetching"), 0);
    const QJsonObject summary = again.wait_for("summary");
    QVERIFY(summary["requests"].toInteger() > 1000);
    QCOMPARE(summary["bytes_fetched"].toInteger(), 0);
    QCOMPARE(summary["refaults"].toInteger(), summary["requests"].toInteger());
}

void TestFuseRead::many_readers_at_once_data() {
    add_fuse_modes();
}

void TestFuseRead::many_readers_at_once() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    run.extra << "--latency"
              << "3ms"
              << "--jitter"
              << "4ms";
    QVERIFY(run.start());
    // Eight processes read the same files at the same time: each byte is fetched once.
    const qsizetype files = 60;
    for (qsizetype i = 0; i < files; ++i) {
        const QString& file = image_.files[i * image_.files.size() / files];
        const qint64 size = QFileInfo(image_.tree + '/' + file).size();
        std::vector<std::unique_ptr<Reader>> readers;
        for (int n = 0; n < 8; ++n)
            readers.push_back(std::make_unique<Reader>(run.mount() + '/' + file, 0, size));
        for (auto& reader : readers) {
            QVERIFY(reader->finished(20000));
            QCOMPARE(reader->result(), 0);
            QCOMPARE(reader->bytes(), original(image_.tree + '/' + file, 0, size));
        }
    }
    QCOMPARE(run.stop(), 0);
    const qint64 fetched = run.wait_for("summary")["bytes_fetched"].toInteger();
    const qint64 whole = QFileInfo(image_.blob).size() + QFileInfo(image_.bootstrap).size();
    QVERIFY(fetched > 0 && fetched <= whole);
}

void TestFuseRead::mapped_memory_and_exec() {
    NEEDS_TRANSPORT("fuse-tree");
    QTemporaryDir work;
    LiveRun run(image_, work.path(), "fuse-tree");
    QVERIFY(run.start());
    // The largest file by its mapped pages, and a program of the tree started from the mount.
    QString largest;
    QString executable;
    qint64 most = 0;
    for (const QString& file : image_.files) {
        const QFileInfo info(image_.tree + '/' + file);
        if (info.size() > most) {
            most = info.size();
            largest = file;
        }
        if (info.isExecutable() && file.endsWith("bin/basename"))
            executable = file;
    }
    QFile file(run.mount() + '/' + largest);
    QVERIFY(file.open(QIODevice::ReadOnly));
    const uchar* mapped = file.map(0, file.size());
    QVERIFY(mapped != nullptr);
    QCOMPARE(QByteArray::fromRawData(reinterpret_cast<const char*>(mapped), most),
             original(image_.tree + '/' + largest, 0, most));
    if (executable.isEmpty())
        QSKIP("no program that fits was copied");
    QProcess process;
    process.start(run.mount() + '/' + executable, {"/a/b/c"});
    QVERIFY(process.waitForFinished());
    QCOMPARE(process.readAllStandardOutput(), QByteArray("c\n"));
    file.close();
    QCOMPARE(run.stop(), 0);
}

void TestFuseRead::nothing_is_left_behind_data() {
    add_fuse_modes();
}

void TestFuseRead::nothing_is_left_behind() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    QVERIFY(run.start());
    QFile mounts("/proc/self/mounts");
    QVERIFY(mounts.open(QIODevice::ReadOnly));
    QVERIFY(mounts.readAll().contains(image_.bootstrap.toUtf8()));
    // A reader that keeps a file open does not keep the run from ending.
    QFile file(run.mount() + '/' + image_.files[0]);
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(run.stop(SIGTERM), 0);
    QVERIFY(!is_mounted(run.mount()));
    QFile after("/proc/self/mounts");
    QVERIFY(after.open(QIODevice::ReadOnly));
    QVERIFY(!after.readAll().contains(image_.bootstrap.toUtf8()));
}

QTEST_GUILESS_MAIN(TestFuseRead)
#include "test_fuse_read.moc"
