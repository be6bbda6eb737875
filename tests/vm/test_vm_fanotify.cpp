// fanotify on a stock kernel that announces metadata, too (7.3): a bootstrap that is one hole
// mounts and reads right, and a killed daemon means errors, never zeros. One boot for all of it:
// fanotify.guest acts, and the functions here judge what it said.
#include "tests/kernel/live_run.h"
#include "tests/vm/virtual_machine.h"

#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QtTest>

using namespace coldscope::test;

class TestVmFanotify : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void probe_says_so();
    void metadata_is_asked_for();
    void every_file_data();
    void every_file();
    void killed_with_requests_held();
    void late_reader();

private:
    QTemporaryDir folder_;
    TreeImage image_;
    VirtualMachine machine_{"7.3"};
};

void TestVmFanotify::initTestCase() {
    NEEDS_MACHINE(machine_);
    QString error;
    image_ = make_tree_image(folder_.path(), 240, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    machine_.programs << program("coldscoped") << program("coldscope-guard")
                      << program("coldscope-test-reader");
    machine_.data = folder_.path();
    machine_.script = guest_script("fanotify");
    QVERIFY(machine_.run());
    QCOMPARE(machine_.said("trouble").join('\n'), QByteArray());
    // The run over the cold cache, and the one after the kill.
    QCOMPARE(machine_.said("status"), (QByteArrayList{"0", "0"}));
}

void TestVmFanotify::probe_says_so() {
    const QByteArrayList probe = machine_.said("probe");
    QCOMPARE(probe.size(), 1);
    const auto answer = QJsonDocument::fromJson(probe[0]).object();
    QCOMPARE(answer["kernel"].toString(), machine_.version());
    for (const QJsonValue& one : answer["transports"].toArray()) {
        const QString name = one["name"].toString();
        if (name == "fanotify")
            QVERIFY2(one["works"].toBool(), qPrintable(one["reason"].toString()));
        if (name == "cachefiles")
            QVERIFY2(one["reason"].toString().contains("Linux 5.19 to 7.1"),
                     qPrintable(one["reason"].toString()));
    }
}

// What is local of the bootstrap came by requests, all of it: the cache file was one hole when it
// was mounted.
void TestVmFanotify::metadata_is_asked_for() {
    qint64 fetched = 0;
    int arrived = 0;
    for (const QByteArray& line : machine_.said("metadata")) {
        const auto event = QJsonDocument::fromJson(line).object();
        QCOMPARE(event["object"].toInt(), 0);
        if (event["event"] == "fetching")
            fetched += event["length"].toInteger();
        else
            ++arrived;
    }
    QVERIFY(arrived > 0);
    qint64 local = -1;
    for (const QByteArray& line : machine_.said("local")) {
        const QByteArrayList words = line.split(' '); // name, size, allocated bytes
        QCOMPARE(words.size(), 3);
        if (words[0].startsWith("image.erofs-"))
            local = words[2].toLongLong();
    }
    QVERIFY(fetched > 4096);
    QCOMPARE(local, (fetched + 4095) / 4096 * 4096);
    qInfo("%d requests for metadata brought %lld bytes", arrived, static_cast<long long>(fetched));
}

void TestVmFanotify::every_file_data() {
    QTest::addColumn<QByteArray>("when");
    for (const char* when : {"cold", "again", "after"})
        QTest::newRow(when) << QByteArray(when);
}

void TestVmFanotify::every_file() {
    QFETCH(QByteArray, when);
    QMap<QString, QByteArray> digests;
    for (const QByteArray& line : machine_.said(when)) {
        const auto end = line.indexOf("  ./");
        QVERIFY2(end == 64, line.constData());
        digests[QString::fromUtf8(line.mid(end + 4))] = QByteArray::fromHex(line.first(end));
    }
    QCOMPARE(digests.keys(), image_.files);
    QVERIFY(digests.size() >= 200);
    for (const QString& file : image_.files)
        QVERIFY2(digests[file] == sha256_of(image_.tree + '/' + file), qPrintable(file));
}

// Each reader has got right bytes as far as it has got any, and an error where they end early.
void TestVmFanotify::killed_with_requests_held() {
    int failed = 0, whole = 0;
    qint64 compared = 0;
    for (const QByteArray& line : machine_.said("reader")) {
        const QByteArrayList words = line.split(' '); // result, bytes read, bytes in all, verdict
        QCOMPARE(words.size(), 4);
        QVERIFY2(words[3] == "right", line.constData());
        QVERIFY2(words[0] != "0" || words[1] == words[2], line.constData());
        ++(words[0] == "0" ? whole : failed);
        compared += words[1].toLongLong();
    }
    QVERIFY(failed > 0);
    QVERIFY(whole > 0);
    qInfo("%d readers got an error, %d all of their file; %lld bytes were compared; the last was "
          "%s",
          failed, whole, static_cast<long long>(compared),
          machine_.said("free").value(0).constData());
}

// A file that was open when the daemon died, read where it is cold.
void TestVmFanotify::late_reader() {
    QCOMPARE(machine_.said("open"), QByteArrayList{"begins right"});
    QCOMPARE(machine_.said("late"), QByteArrayList{"0"});
}

QTEST_GUILESS_MAIN(TestVmFanotify)
#include "test_vm_fanotify.moc"
