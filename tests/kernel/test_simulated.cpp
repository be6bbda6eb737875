// The simulated kernel, through the real coldscoped: windows of readahead, its page cache, two
// readers of one file, and steering. No mount, so it runs everywhere.
#include "tests/kernel/live_run.h"

#include <QtTest>
#include <cerrno>

using namespace coldscope::test;

class TestSimulated : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void readahead_doubles();
    void pages_are_read_once();
    void bytes_in_the_cache_are_right();
    void held_and_released();
    void failed_reads_are_tried_page_by_page();
    void it_says_simulated();
    void quiet();
    void bad_lists();

private:
    // Runs the list to its end, after these commands; all events.
    std::vector<QJsonObject> run(const QByteArray& list, const QStringList& extra = {});
    std::vector<QJsonObject> reads(const std::vector<QJsonObject>& events) const;
    void start(const QByteArray& list, const QStringList& extra = {});

    QTemporaryDir folder_;
    TreeImage image_;
    QString large_; // a file of at least 600 KiB
    std::unique_ptr<QTemporaryDir> work_;
    std::unique_ptr<LiveRun> run_;
};

void TestSimulated::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 400, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    for (const QString& file : image_.files) {
        if (QFileInfo(image_.tree + '/' + file).size() >= 600 << 10)
            large_ = '/' + file;
    }
    QVERIFY(!large_.isEmpty());
}

void TestSimulated::start(const QByteArray& list, const QStringList& extra) {
    work_ = std::make_unique<QTemporaryDir>();
    QFile file(work_->filePath("reads"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(list);
    file.close();
    run_ = std::make_unique<LiveRun>(image_, work_->path(), "simulated");
    run_->extra << "--reads" << file.fileName() << extra;
    QVERIFY(run_->start());
}

std::vector<QJsonObject> TestSimulated::run(const QByteArray& list, const QStringList& extra) {
    start(list, extra);
    if (run_->wait_for("summary").isEmpty())
        qFatal("the run did not end by itself");
    return run_->events();
}

std::vector<QJsonObject> TestSimulated::reads(const std::vector<QJsonObject>& events) const {
    std::vector<QJsonObject> arrived;
    for (const QJsonObject& event : events) {
        if (event["event"].toString() == "arrived")
            arrived.push_back(event);
    }
    return arrived;
}

void TestSimulated::readahead_doubles() {
    const auto events = run("0ms one " + large_.toUtf8() + " 0 512K\n");
    std::vector<qint64> lengths;
    for (const QJsonObject& read : reads(events)) {
        lengths.push_back(read["length"].toInteger());
        QVERIFY(read["simulated"].toBool());
        QCOMPARE(read["command"].toString(), "one");
    }
    // The image's chunks are of 64 KiB; where two of them lie apart, a window is asked in two.
    QVERIFY(lengths.size() >= 6);
    QCOMPARE(lengths[0], 16 << 10);
    QCOMPARE(lengths[1], 32 << 10);
    QVERIFY(*std::max_element(lengths.begin(), lengths.end()) <= 128 << 10);
    qint64 sum = 0;
    for (const qint64 length : lengths)
        sum += length;
    QVERIFY(sum >= 512 << 10);
}

void TestSimulated::pages_are_read_once() {
    const QByteArray path = large_.toUtf8();
    const auto events = run("0ms a " + path + " 0 256K\n0ms b " + path + " 0 256K\n" + "300ms a " +
                                path + " 0 256K\n",
                            {"--latency", "5ms"});
    std::map<qint64, qint64> ranges;
    for (const QJsonObject& read : reads(events)) {
        const qint64 offset = read["offset"].toInteger();
        QVERIFY2(ranges.emplace(offset, read["length"].toInteger()).second, "asked twice");
    }
    qint64 end = -1;
    for (const auto& [offset, length] : ranges) {
        QVERIFY(offset >= end);
        end = offset + length;
    }
}

void TestSimulated::bytes_in_the_cache_are_right() {
    (void)run("0ms a " + large_.toUtf8() + "\n");
    const QStringList cached = QDir(run_->cache()).entryList({"image.blob-*.cache"}, QDir::Files);
    QCOMPARE(cached.size(), 1);
    QFile local(run_->cache() + '/' + cached[0]);
    QFile blob(image_.blob);
    QVERIFY(local.open(QIODevice::ReadOnly) && blob.open(QIODevice::ReadOnly));
    qint64 compared = 0;
    for (const QJsonObject& read : reads(run_->events())) {
        const qint64 offset = read["offset"].toInteger();
        QVERIFY(local.seek(offset) && blob.seek(offset));
        const QByteArray bytes = blob.read(read["length"].toInteger());
        QCOMPARE(local.read(bytes.size()), bytes);
        compared += bytes.size();
    }
    QVERIFY(compared >= 600 << 10);
}

void TestSimulated::held_and_released() {
    start("0ms a " + large_.toUtf8() + " 0 4K\n5s a " + large_.toUtf8() + " 256K 4K\n");
    run_->command("hold next command=a");
    const QJsonObject held = run_->wait_for("held");
    QVERIFY(!held.isEmpty());
    const qint64 request = held["request"].toInteger();
    QVERIFY(run_->wait_for("answered", request, 700).isEmpty());
    QVERIFY(run_->wait_for("summary", -1, 100).isEmpty());
    run_->command("release " + QByteArray::number(request));
    QCOMPARE(run_->wait_for("answered", request)["result"].toInt(), 0);
    QVERIFY(!run_->wait_for("summary").isEmpty());
}

void TestSimulated::failed_reads_are_tried_page_by_page() {
    start("5s a " + large_.toUtf8() + " 0 64K\n");
    run_->command("fail EIO all");
    QVERIFY(!run_->wait_for("rule").isEmpty());
    QVERIFY(!run_->wait_for("summary").isEmpty());
    const auto arrived = reads(run_->events());
    QCOMPARE(arrived.size(), std::size_t{2}); // the window, then its first page, then EIO
    QCOMPARE(arrived[0]["length"].toInteger(), 16 << 10);
    QCOMPARE(arrived[1]["length"].toInteger(), 4 << 10);
    QCOMPARE(run_->wait_for("summary")["failed"].toInt(), 2);
}

void TestSimulated::it_says_simulated() {
    const auto events = run("0ms a " + large_.toUtf8() + " 0 4K\n");
    QVERIFY(run_->wait_for("ready")["simulated"].toBool());
    QVERIFY(run_->wait_for("summary")["simulated"].toBool());
    QProcess text;
    text.start(program("coldscoped"),
               {"run", "--image", image_.bootstrap, "--device", image_.blob, "--cache",
                work_->filePath("other"), "--transport", "simulated"});
    QVERIFY(text.waitForFinished());
    QCOMPARE(text.exitCode(), 0);
    const QByteArray all = text.readAllStandardOutput();
    const QByteArray summary = all.mid(all.indexOf("\n\n") + 2);
    QVERIFY(summary.count('\n') >= 5);
    for (const QByteArray& line : summary.trimmed().split('\n'))
        QVERIFY(line.startsWith("SIMULATED "));
}

// No request is printed but one that waits; all are in the file of events.
void TestSimulated::quiet() {
    start("0ms a " + large_.toUtf8() + " 0 64K\n");
    QVERIFY(!run_->wait_for("summary").isEmpty());
    const auto quietly = [this](const QStringList& more) {
        QProcess process;
        process.start(program("coldscoped"),
                      QStringList{"run", "--image", image_.bootstrap, "--device", image_.blob,
                                  "--cache", work_->filePath("other"), "--transport", "simulated",
                                  "--reads", work_->filePath("reads"), "--quiet"} +
                          more);
        const bool ended = process.waitForFinished() && process.exitCode() == 0;
        return ended ? process.readAllStandardOutput() : process.readAllStandardError();
    };
    const QByteArray text = quietly({"--events", work_->filePath("events")});
    QVERIFY2(text.startsWith("ready: "), text);
    QVERIFY2(!text.contains('#'), text);
    QVERIFY2(text.contains("\nSIMULATED requests"), text);
    QFile events(work_->filePath("events"));
    QVERIFY(events.open(QIODevice::ReadOnly));
    QVERIFY(events.readAll().contains("\"arrived\""));
    const QByteArray json = quietly({"--json"});
    QCOMPARE(json.count('\n'), 2);
    QVERIFY2(json.contains("\"ready\"") && json.contains("\"summary\""), json);
    start("5s a " + large_.toUtf8() + " 0 4K\n", {"--quiet"});
    run_->command("hold next");
    const qint64 request = run_->wait_for("held")["request"].toInteger();
    QVERIFY(request > 0);
    run_->command("release " + QByteArray::number(request));
    QVERIFY(!run_->wait_for("summary").isEmpty());
    QVERIFY(reads(run_->events()).empty());
}

void TestSimulated::bad_lists() {
    QTemporaryDir work;
    const QString path = work.filePath("list");
    for (const auto& [text, at] : std::vector<std::pair<QByteArray, int>>{
             {"0ms a\n", 0}, {"# fine\nnow a /b\n", 7}, {"1ms a /b 0 none\n", 11}}) {
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(text);
        file.close();
        QProcess process;
        process.start(program("coldscoped"),
                      {"run", "--image", image_.bootstrap, "--device", image_.blob, "--cache",
                       work.filePath("cache"), "--transport", "simulated", "--reads", path});
        QVERIFY(process.waitForFinished());
        QCOMPARE(process.exitCode(), 1);
        const QByteArray error = process.readAllStandardError();
        QVERIFY2(error.contains(path.toUtf8()) &&
                     error.contains("byte " + QByteArray::number(at) + ':'),
                 error.constData());
    }
}

QTEST_GUILESS_MAIN(TestSimulated)
#include "test_simulated.moc"
