// A live run on fanotify as an ordinary user, its guard started by root: every file of every kind
// of image reads as its original, by eight readers at once, cold, again, and from a kept cache.
#include "tests/kernel/live_run.h"

#include <QJsonDocument>
#include <QtTest>
#include <algorithm>
#include <atomic>
#include <thread>

using namespace coldscope::test;

namespace {
constexpr uid_t nobody = 65534;
constexpr int readers = 8;
} // namespace

class TestFanotifyRead : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void every_file_data();
    void every_file();
    void what_was_asked();
    void an_object_renamed_and_unlinked();

private:
    // How many files differ from their originals, read by several threads.
    [[nodiscard]] int wrong_files(const QString& mount) const;

    QTemporaryDir folder_;
    TreeImage image_;
    QMap<QString, QByteArray> digests_;
};

void TestFanotifyRead::initTestCase() {
    NEEDS_TRANSPORT(QString("fanotify"));
    QString error;
    image_ = make_tree_image(folder_.path(), sanitized ? 300 : 2000, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    for (const QString& file : image_.files)
        digests_[file] = sha256_of(image_.tree + '/' + file);
}

int TestFanotifyRead::wrong_files(const QString& mount) const {
    std::atomic<qsizetype> next{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < readers; ++i) {
        threads.emplace_back([&] {
            for (qsizetype at = next++; at < image_.files.size(); at = next++) {
                QString error;
                const QString file = image_.files[at];
                if (sha256_of(mount + '/' + file, &error) == digests_[file])
                    continue;
                if (wrong++ < 5)
                    qWarning("%s is wrong: %s", qPrintable(file), qPrintable(error));
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    return wrong;
}

void TestFanotifyRead::every_file_data() {
    QTest::addColumn<QString>("kind");
    QTest::addColumn<bool>("directio");
    for (const char* kind : {"plain", "4K", "64K", "1M", "lz4", "two blobs"}) {
        QTest::addRow("%s, buffered", kind) << kind << false;
        QTest::addRow("%s, directio", kind) << kind << true;
    }
}

void TestFanotifyRead::every_file() {
    QFETCH(QString, kind);
    QFETCH(bool, directio);
    QString error;
    const TreeImage image = make_image_of(image_, kind, &error);
    QVERIFY2(!image.bootstrap.isEmpty(), qPrintable(error));
    QTemporaryDir work;
    for (const bool kept : {false, true}) {
        LiveRun run(image, work.path(), "fanotify");
        run.user = nobody;
        if (directio)
            run.extra << "--directio";
        QVERIFY2(run.start(), run.guard_output().constData());
        QCOMPARE(wrong_files(run.mount()), 0);
        QVERIFY(drop_caches());
        QCOMPARE(wrong_files(run.mount()), 0);
        QCOMPARE(run.stop(), 0);
        QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
        int failed = 0, fetched = 0;
        for (const QJsonObject& event : run.events()) {
            failed += event["event"] == "answered" && event["result"].toInt() != 0 ? 1 : 0;
            fetched += event["event"] == "fetching" ? 1 : 0;
        }
        QCOMPARE(failed, 0);
        // It is lazy, once.
        const bool lazy = !kept;
        QVERIFY2(lazy ? fetched > 100 : fetched == 0, qPrintable(QString::number(fetched)));
    }
}

// A request names its reader's process and thread, its object and range; what is read again from
// the kernel's own copy is no question, and from the cache a refault.
void TestFanotifyRead::what_was_asked() {
    QTemporaryDir work;
    LiveRun run(image_, work.path(), "fanotify");
    QVERIFY(run.start());
    const QString file = *std::ranges::find_if(image_.files, [&](const QString& one) {
        return QFileInfo(image_.tree + '/' + one).size() > 20000;
    });
    run.forget();
    Reader reader(run.mount() + '/' + file, 0, 4096);
    const qint64 pid = reader.pid();
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.bytes(), original(image_.tree + '/' + file, 0, 4096));
    const QJsonObject arrived = run.wait_for("arrived");
    QCOMPARE(arrived["pid"].toInteger(), pid);
    QCOMPARE(arrived["object_name"].toString(), "blob 1: image.blob");
    QCOMPARE(arrived["command"].toString(), "coldscope-test-");
    // Who that is, and what EROFS was reading.
    const QJsonObject who = run.wait_for("reader");
    QCOMPARE(who["pid"].toInteger(), pid);
    QCOMPARE(who["process"].toInteger(), pid);
    const QJsonObject origin = run.wait_for("origin");
    QCOMPARE(origin["file"].toString(), '/' + file);
    QCOMPARE(origin["offset"].toInteger(), 0);
    QCOMPARE(origin["request"].toInteger(), arrived["request"].toInteger());
    QVERIFY(run.settled());
    run.forget();
    Reader again(run.mount() + '/' + file, 0, 4096);
    QVERIFY(again.finished(20000));
    QVERIFY(run.settled());
    QCOMPARE(run.count("arrived"), 0);
    QVERIFY(drop_caches());
    Reader refault(run.mount() + '/' + file, 0, 4096);
    QVERIFY(refault.finished(20000));
    QCOMPARE(refault.bytes(), original(image_.tree + '/' + file, 0, 4096));
    const QJsonObject answered = run.wait_for("answered");
    QVERIFY2(answered["refault"].toBool(), QJsonDocument(answered).toJson().constData());
    QCOMPARE(run.count("fetching"), 0);
    QCOMPARE(run.stop(), 0);
}

// The mark is the inode's: whatever becomes of the name, the kernel still asks.
void TestFanotifyRead::an_object_renamed_and_unlinked() {
    QTemporaryDir work;
    LiveRun run(image_, work.path(), "fanotify");
    QVERIFY(run.start());
    const QStringList objects = QDir(run.cache()).entryList({"image.blob-*.cache"});
    QCOMPARE(objects.size(), 1);
    const QString object = run.cache() + '/' + objects[0];
    QVERIFY(QFile::rename(object, run.cache() + "/elsewhere"));
    for (qsizetype i = 0; i < 50; ++i)
        QCOMPARE(sha256_of(run.mount() + '/' + image_.files[i]), digests_[image_.files[i]]);
    QVERIFY(QFile::remove(run.cache() + "/elsewhere"));
    QCOMPARE(wrong_files(run.mount()), 0);
    QCOMPARE(run.stop(), 0);
}

QTEST_GUILESS_MAIN(TestFanotifyRead)
#include "test_fanotify_read.moc"
