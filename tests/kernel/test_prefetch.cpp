// Prefetching and amplification on the real kernel: eight readers work while a list is filled
// behind them. Every byte is right, comes once, and is accounted for.
#include "core/request/step.h"
#include "tests/kernel/live_run.h"

#include <QtTest>
#include <atomic>
#include <thread>

#include <unistd.h>

using namespace coldscope::test;

namespace {

constexpr int readers = 8;

bool is_notice(const QJsonObject& event, coldscope::Notice what) {
    return event["event"] == "notice" && event["number"].toInt() == static_cast<int>(what);
}

// Asked + amplified + prefetched = fetched.
void check_sums(const QJsonObject& summary) {
    QCOMPARE(summary["bytes_missed"].toInteger() + summary["bytes_amplified"].toInteger() +
                 summary["bytes_prefetched"].toInteger(),
             summary["bytes_fetched"].toInteger());
}

} // namespace

class TestPrefetch : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void a_list_behind_readers_data() { add_transports(); }
    void a_list_behind_readers();
    void amplified_data() { add_transports(); }
    void amplified();
    void a_list_that_names_nothing();

private:
    // Files [from, to) by several threads; how many of them differ.
    [[nodiscard]] int wrong_files(const QString& mount, qsizetype from, qsizetype to) const;

    QTemporaryDir folder_;
    TreeImage image_;
    std::vector<QByteArray> digests_;
};

void TestPrefetch::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), sanitized ? 150 : 600, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    for (const QString& file : image_.files)
        digests_.push_back(sha256_of(image_.tree + '/' + file));
}

int TestPrefetch::wrong_files(const QString& mount, qsizetype from, qsizetype to) const {
    std::atomic<qsizetype> next{from};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < readers; ++i) {
        threads.emplace_back([&] {
            for (qsizetype at = next++; at < to; at = next++) {
                QString error;
                if (sha256_of(mount + '/' + image_.files[at], &error) ==
                    digests_[static_cast<std::size_t>(at)])
                    continue;
                if (wrong++ < 5)
                    qWarning("%s is wrong: %s", qPrintable(image_.files[at]), qPrintable(error));
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    return wrong;
}

// The list and the readers each have a third of the files to themselves, and one that both want.
void TestPrefetch::a_list_behind_readers() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const qsizetype third = image_.files.size() / 3;
    QTemporaryDir work;
    QFile list(work.filePath("list"));
    QVERIFY(list.open(QIODevice::WriteOnly));
    for (qsizetype i = third; i < image_.files.size(); ++i)
        list.write("\"/" + image_.files[i].toUtf8() + "\"\n");
    list.close();
    {
        LiveRun run(image_, work.path(), transport);
        run.extra << "--latency"
                  << "1ms"
                  << "--bandwidth"
                  << "30M"
                  << "--prefetch" << list.fileName();
        QVERIFY(run.start());
        QCOMPARE(wrong_files(run.mount(), 0, 2 * third), 0);
        const auto done = [](const QJsonObject& event) {
            return is_notice(event, coldscope::Notice::prefetch_done);
        };
        QVERIFY(!run.wait_for(done, 60000).isEmpty());
        QVERIFY(run.settled());
        // Each went on while the other did.
        int ahead = 0, asked = 0, turns = 0;
        bool last_ahead = false;
        for (const QJsonObject& event : run.events()) {
            const bool prefetch = event["prefetch"].toBool();
            QVERIFY(!prefetch || event["pid"].toInt() == 0);
            if (event["event"] != "fetching" || event["length"].toInteger() == 0)
                continue;
            ++(prefetch ? ahead : asked);
            turns += prefetch != last_ahead ? 1 : 0;
            last_ahead = prefetch;
        }
        QVERIFY2(ahead > 0 && asked > 0 && turns >= 2,
                 qPrintable(QString("%1 %2 %3").arg(ahead).arg(asked).arg(turns)));
        run.forget();
        QCOMPARE(wrong_files(run.mount(), third, image_.files.size()), 0);
        QVERIFY(run.settled());
        // Nothing of the data was left to be fetched; the directories may have been.
        for (const QJsonObject& event : run.events())
            QVERIFY(event["event"] != "fetching" || event["object"].toInt() == 0 ||
                    event["length"].toInteger() == 0 || transport == "fuse-tree");
        run.forget();
        run.command("prefetch all");
        QVERIFY(!run.wait_for(done, 60000).isEmpty());
        QCOMPARE(run.stop(), 0);
        const QJsonObject summary = run.wait_for("summary");
        check_sums(summary);
        // All of it came, and none of it twice. On fanotify the metadata was brought at first.
        const qint64 whole = QFileInfo(image_.blob).size() +
                             (transport == "fanotify" ? 0 : QFileInfo(image_.bootstrap).size());
        QCOMPARE(summary["bytes_fetched"].toInteger(), whole);
        QVERIFY(summary["bytes_prefetched"].toInteger() > 0);
        QVERIFY(summary["bytes_missed"].toInteger() > 0);
        QCOMPARE(summary["failed"].toInteger(), 0);
    }
    LiveRun again(image_, work.path(), transport);
    again.extra << "--latency"
                << "30s"; // a read of the source would be felt
    QVERIFY(again.start());
    QCOMPARE(wrong_files(again.mount(), 0, image_.files.size()), 0);
    QCOMPARE(again.stop(), 0);
    QCOMPARE(again.count("fetching"), 0);
}

void TestPrefetch::amplified() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    QTemporaryDir work;
    LiveRun run(image_, work.path(), transport);
    run.extra << "--latency"
              << "1ms"
              << "--amplify"
              << "1M";
    QVERIFY(run.start());
    QCOMPARE(wrong_files(run.mount(), 0, image_.files.size() / 2), 0);
    run.command("amplify 0");
    QCOMPARE(wrong_files(run.mount(), image_.files.size() / 2, image_.files.size()), 0);
    QCOMPARE(run.stop(), 0);
    const QJsonObject summary = run.wait_for("summary");
    check_sums(summary);
    QVERIFY(summary["bytes_amplified"].toInteger() > 0);
    QCOMPARE(summary["bytes_prefetched"].toInteger(), 0);
    QVERIFY(summary["bytes_fetched"].toInteger() <=
            QFileInfo(image_.blob).size() + QFileInfo(image_.bootstrap).size());
    for (const QJsonObject& event : run.events()) {
        if (event["event"] != "arrived" || !event["amplified"].toBool())
            continue;
        const qint64 begin = event["offset"].toInteger();
        const qint64 end = begin + event["length"].toInteger();
        QCOMPARE(begin >> 20, (end - 1) >> 20); // within a block of the size
    }
}

void TestPrefetch::a_list_that_names_nothing() {
    const QString transport = geteuid() == 0 ? "fuse-blob" : "fuse-tree";
    NEEDS_TRANSPORT(transport);
    QTemporaryDir work;
    QFile list(work.filePath("list"));
    QVERIFY(list.open(QIODevice::WriteOnly));
    list.write("/no/such/file\n");
    list.close();
    LiveRun run(image_, work.path(), transport);
    run.extra << "--prefetch" << list.fileName();
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression("the image has no /no/such/file"));
    QVERIFY(!run.start());
    QVERIFY(!is_mounted(run.mount()));
}

QTEST_GUILESS_MAIN(TestPrefetch)
#include "test_prefetch.moc"
