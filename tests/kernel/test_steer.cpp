// Hold, delay, release and fail chosen requests while a real process waits in the kernel.
#include "tests/kernel/live_run.h"

#include <QJsonDocument>
#include <QProcess>
#include <QtTest>
#include <cerrno>
#include <csignal>
#include <set>

#include <unistd.h>

using namespace coldscope::test;

class TestSteer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();
    void hold_then_release_data() { add_transports(); }
    void hold_then_release();
    void hold_then_fail_then_retry_data() { add_transports(); }
    void hold_then_fail_then_retry();
    void the_readers_errno_data();
    void the_readers_errno();
    void hold_then_delay_data() { add_transports(); }
    void hold_then_delay();
    void rules_by_file_pid_and_range_data() { add_transports(); }
    void rules_by_file_pid_and_range();
    void release_all_frees_all_data() { add_transports(); }
    void release_all_frees_all();
    void a_killed_reader_is_lost_data() { add_transports(); }
    void a_killed_reader_is_lost();
    void ranges_of_a_file_data() { add_transports(); }
    void ranges_of_a_file();
    void fanotify_exactly_one();
    void fanotify_in_a_mapping();
    void fanotify_refuses_other_errors();
    void bad_commands_are_said();
    void the_end_of_commands_releases();

private:
    // A file that nobody has read yet, of at least 8 KiB.
    QString fresh_file();
    QString path(const QString& file) const { return run_->mount() + '/' + file; }
    QByteArray expected(const QString& file) const {
        return original(image_.tree + '/' + file, 0, 4096);
    }
    static bool is_read_of_data(const QJsonObject& event) {
        return !event["own"].toBool() && event["object_name"].toString() != "bootstrap";
    }
    // Waits until a request of this reader is held; its number.
    qint64 held_of(const Reader& reader);

    QTemporaryDir folder_;
    TreeImage image_;
    qsizetype next_file_ = 0;
    std::unique_ptr<QTemporaryDir> work_;
    std::unique_ptr<LiveRun> run_;
};

void TestSteer::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 600, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestSteer::init() {
    // Functions without rows run in tree mode.
    const QByteArray row(QTest::currentDataTag());
    const QString transport =
        row.startsWith("blob mode") ? "fuse-blob"
        : row.startsWith("fanotify") ||
                QByteArray(QTest::currentTestFunction()).startsWith("fanotify")
            ? "fanotify"
            : "fuse-tree";
    NEEDS_TRANSPORT(transport);
    next_file_ = 0;
    work_ = std::make_unique<QTemporaryDir>();
    run_ = std::make_unique<LiveRun>(image_, work_->path(), transport);
    QVERIFY(run_->start());
}

void TestSteer::cleanup() {
    if (!run_)
        return;
    QCOMPARE(run_->stop(), 0);
    QVERIFY(!is_mounted(run_->mount()));
    run_.reset();
}

QString TestSteer::fresh_file() {
    while (next_file_ < image_.files.size()) {
        const QString& file = image_.files[next_file_];
        next_file_ += 3;
        if (QFileInfo(image_.tree + '/' + file).size() >= 8192)
            return file;
    }
    qFatal("no file is left");
}

qint64 TestSteer::held_of(const Reader& reader) {
    const QJsonObject held = run_->wait_for([&](const QJsonObject& event) {
        return event["event"].toString() == "held" && event["pid"].toInteger() == reader.pid();
    });
    return held.isEmpty() ? -1 : held["request"].toInteger();
}

void TestSteer::hold_then_release() {
    const QString file = fresh_file();
    const QByteArray rule = "hold next file=\"/" + file.toUtf8() + '"';
    run_->command(rule);
    QVERIFY(!run_->wait_for("rule").isEmpty());
    Reader reader(path(file), 0, 4096);
    const qint64 request = held_of(reader);
    QVERIFY(request > 0);
    QVERIFY(!reader.finished(300));
    QTRY_VERIFY_WITH_TIMEOUT(reader.waits(), 20000);
    QCOMPARE(run_->count("held"), 1);
    // Somebody else reads meanwhile.
    const QString other = fresh_file();
    Reader free(path(other), 0, 4096);
    QVERIFY(free.finished(20000));
    QCOMPARE(free.bytes(), expected(other));

    run_->command("release " + QByteArray::number(request));
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.result(), 0);
    QCOMPARE(reader.bytes(), expected(file));
    const QJsonObject answered = run_->wait_for("answered", request);
    QCOMPARE(answered["result"].toInt(), 0);
    QVERIFY(answered["by_hand"].toBool() && answered["by_rule"].toBool());
}

void TestSteer::hold_then_fail_then_retry() {
    const QString file = fresh_file();
    // The kernel asks again for a page whose readahead failed: every question must fail.
    run_->command("fail EIO file=\"/" + file.toUtf8() + '"');
    const QJsonObject rule = run_->wait_for("rule");
    QVERIFY(!rule.isEmpty());
    Reader denied(path(file), 0, 4096);
    QVERIFY(denied.finished(20000));
    QCOMPARE(denied.result(), EIO);
    QVERIFY(denied.bytes().isEmpty());
    QVERIFY(run_->count("fetching") == 0 || run_->wait_for([&](const QJsonObject& event) {
                                                    return event["event"].toString() ==
                                                               "answered" &&
                                                           event["result"].toInt() == EIO;
                                                }).isEmpty() == false);
    run_->command("clear " + QByteArray::number(rule["id"].toInteger()));
    QVERIFY(run_->settled());
    Reader retry(path(file), 0, 4096);
    QVERIFY(retry.finished(20000));
    QCOMPARE(retry.result(), 0);
    QCOMPARE(retry.bytes(), expected(file));

    // By hand, one request after the other until the reader has its errno.
    const QString second = fresh_file();
    run_->forget();
    run_->command("hold file=\"/" + second.toUtf8() + '"');
    QVERIFY(!run_->wait_for("rule").isEmpty());
    Reader by_hand(path(second), 0, 4096);
    std::set<qint64> failed;
    while (!by_hand.finished(20)) {
        const QJsonObject held = run_->wait_for(
            [&](const QJsonObject& event) {
                return event["event"].toString() == "held" &&
                       !failed.contains(event["request"].toInteger());
            },
            300);
        if (held.isEmpty())
            continue;
        failed.insert(held["request"].toInteger());
        run_->command("fail " + QByteArray::number(held["request"].toInteger()));
        QVERIFY(failed.size() < 20);
    }
    QVERIFY(!failed.empty());
    QCOMPARE(by_hand.result(), EIO);
    run_->command("clear");
    QVERIFY(run_->settled());
    Reader again(path(second), 0, 4096);
    QVERIFY(again.finished(20000));
    QCOMPARE(again.bytes(), expected(second));
}

void TestSteer::the_readers_errno_data() {
    QTest::addColumn<QString>("error");
    QTest::addColumn<int>("seen");
    for (const auto& [name, number] : std::vector<std::pair<QString, int>>{{"EIO", EIO},
                                                                           {"EACCES", EACCES},
                                                                           {"ENOSPC", ENOSPC},
                                                                           {"ETIMEDOUT", ETIMEDOUT},
                                                                           {"ESTALE", ESTALE},
                                                                           {"EUCLEAN", EUCLEAN}}) {
        QTest::newRow(qPrintable("tree mode, " + name)) << name << number;
    }
    // EROFS turns whatever its backing file says into EIO.
    if (geteuid() == 0)
        QTest::newRow("blob mode, ENOSPC") << "ENOSPC" << EIO;
    for (const char* name : {"EIO", "EPERM", "EBUSY", "ETXTBSY", "EAGAIN", "ENOSPC", "EDQUOT"}) {
        if (geteuid() == 0)
            QTest::addRow("fanotify, %s", name) << name << EIO;
    }
}

void TestSteer::the_readers_errno() {
    QFETCH(QString, error);
    QFETCH(int, seen);
    const QString file = fresh_file();
    run_->command("fail " + error.toUtf8() + " file=\"/" + file.toUtf8() + '"');
    QVERIFY(!run_->wait_for("rule").isEmpty());
    Reader reader(path(file), 0, 4096);
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.result(), seen);
    QVERIFY(reader.bytes().isEmpty());
    const QJsonObject answered = run_->wait_for([](const QJsonObject& event) {
        return event["event"].toString() == "answered" && event["result"].toInt() != 0;
    });
    QCOMPARE(answered["error"].toString(), error);
}

void TestSteer::hold_then_delay() {
    const QString file = fresh_file();
    run_->command("hold next file=\"/" + file.toUtf8() + '"');
    QVERIFY(!run_->wait_for("rule").isEmpty());
    Reader reader(path(file), 0, 4096);
    const qint64 request = held_of(reader);
    QVERIFY(request > 0);
    QElapsedTimer since;
    since.start();
    run_->command("delay " + QByteArray::number(request) + " 600ms");
    const QJsonObject delayed = run_->wait_for("delayed", request);
    QVERIFY(!delayed.isEmpty());
    QVERIFY(reader.finished(20000));
    QVERIFY(since.elapsed() >= 600);
    QCOMPARE(reader.bytes(), expected(file));
    const QJsonObject answered = run_->wait_for("answered", request);
    QVERIFY(answered["time"].toInteger() - delayed["time"].toInteger() >= 600'000'000);

    const QString by_rule = fresh_file();
    run_->forget();
    run_->command("delay 300ms next file=\"/" + by_rule.toUtf8() + '"');
    QVERIFY(!run_->wait_for("rule").isEmpty());
    Reader slow(path(by_rule), 0, 4096);
    QVERIFY(slow.finished(20000));
    QCOMPARE(slow.bytes(), expected(by_rule));
    const QJsonObject first = run_->wait_for("delayed");
    const QJsonObject last = run_->wait_for("answered", first["request"].toInteger());
    QVERIFY(last["time"].toInteger() - first["time"].toInteger() >= 300'000'000);
}

void TestSteer::rules_by_file_pid_and_range() {
    // A rule for a reader's name touches nobody else.
    run_->command("hold command=coldscope-test-");
    run_->command("hold command=coldscope-test-reader");
    run_->command("hold pid=1");
    QVERIFY(!run_->wait_for([](const QJsonObject& event) {
                     return event["event"].toString() == "rule" && event["id"].toInt() == 3;
                 })
                 .isEmpty());
    const QString file = fresh_file();
    QFile own(path(file));
    QVERIFY(own.open(QIODevice::ReadOnly)); // this process has another name
    QCOMPARE(own.read(4096), expected(file));
    const QString other = fresh_file();
    Reader reader(path(other), 0, 4096);
    // Names are cut to 15 bytes by the kernel, so the first rule's is the one.
    const qint64 request = held_of(reader);
    QVERIFY(request > 0);
    QCOMPARE(run_->wait_for("matched", request)["rule"].toInt(), 1);
    run_->command("clear");
    run_->command("release all");
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.bytes(), expected(other));

    // By range of the blob, seen in the requests of the file just read.
    const QJsonObject seen = run_->wait_for("answered", request);
    run_->forget();
    run_->command("hold object=1 range=0+1G");
    QVERIFY(!run_->wait_for("rule").isEmpty());
    const QString third = fresh_file();
    Reader held(path(third), 0, 4096);
    QVERIFY(held_of(held) > request);
    QVERIFY(seen["request"].toInteger() == request);
    run_->command("release all");
    QVERIFY(held.finished(20000));
    QCOMPARE(held.bytes(), expected(third));
}

void TestSteer::release_all_frees_all() {
    std::vector<QString> files;
    for (int i = 0; i < 50; ++i)
        files.push_back(fresh_file());
    // In blob mode metadata is asked for, too: it is read first, so that each reader waits for
    // its own file.
    for (const QString& file : files)
        QVERIFY(QFileInfo(path(file)).size() > 0);
    run_->command("hold object=1");
    QVERIFY(!run_->wait_for("rule").isEmpty());
    std::vector<std::unique_ptr<Reader>> readers;
    for (const QString& file : files)
        readers.push_back(std::make_unique<Reader>(path(file), 0, 4096));
    for (const auto& reader : readers)
        QVERIFY(held_of(*reader) > 0);
    run_->command("release all");
    for (std::size_t i = 0; i < readers.size(); ++i) {
        QVERIFY(readers[i]->finished(20000));
        QCOMPARE(readers[i]->result(), 0);
        QCOMPARE(readers[i]->bytes(), expected(files[i]));
    }
    // The hold rule is gone with it.
    const QString later = fresh_file();
    Reader reader(path(later), 0, 4096);
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.bytes(), expected(later));
}

void TestSteer::a_killed_reader_is_lost() {
    const QString file = fresh_file();
    QVERIFY(QFileInfo(path(file)).size() > 0);
    run_->command("hold object=1");
    QVERIFY(!run_->wait_for("rule").isEmpty());
    auto reader = std::make_unique<Reader>(path(file), 0, 4096);
    const qint64 request = held_of(*reader);
    QVERIFY(request > 0);
    ::kill(static_cast<pid_t>(reader->pid()), SIGKILL);
    QVERIFY(reader->finished(20000));
    QVERIFY(reader->killed());
    QVERIFY(!run_->wait_for("lost", request).isEmpty());
    run_->command("clear");
    QVERIFY(run_->settled());
    Reader next(path(file), 0, 4096);
    QVERIFY(next.finished(20000));
    QCOMPARE(next.bytes(), expected(file));
}

void TestSteer::ranges_of_a_file() {
    QString large;
    for (const QString& file : image_.files) {
        if (QFileInfo(image_.tree + '/' + file).size() > 400 << 10)
            large = file;
    }
    QVERIFY(!large.isEmpty());
    // All that is given must hold: a range past the end holds nothing.
    run_->command("hold range=900M+1 file=\"/" + large.toUtf8() + '"');
    run_->command("hold range=300K+4K file=\"/" + large.toUtf8() + '"');
    QVERIFY(!run_->wait_for([](const QJsonObject& event) { return event["id"].toInt() == 2; })
                 .isEmpty());
    Reader first(path(large), 0, 4096);
    QVERIFY(first.finished(20000));
    QCOMPARE(first.bytes(), expected(large));
    Reader held(path(large), 300 << 10, 4096);
    const qint64 request = held_of(held);
    QVERIFY(request > 0);
    QCOMPARE(run_->wait_for("matched", request)["rule"].toInt(), 2);
    run_->command("release all");
    QVERIFY(held.finished(20000));
    QCOMPARE(held.bytes(), original(image_.tree + '/' + large, 300 << 10, 4096));
}

// Of three that wait, the second alone fails, once; its retries are the same failure. A new read by
// the same reader's successor works.
void TestSteer::fanotify_exactly_one() {
    std::vector<QString> files{fresh_file(), fresh_file(), fresh_file()};
    run_->command("hold all");
    QVERIFY(!run_->wait_for("rule").isEmpty());
    std::vector<std::unique_ptr<Reader>> readers;
    std::vector<qint64> requests;
    for (const QString& file : files) {
        readers.push_back(std::make_unique<Reader>(path(file), 0, 4096));
        requests.push_back(held_of(*readers.back()));
        QVERIFY(requests.back() > 0);
    }
    run_->command("fail " + QByteArray::number(requests[1]) + " ENOSPC");
    QVERIFY(readers[1]->finished(20000));
    QCOMPARE(readers[1]->result(), EIO);
    QVERIFY(!readers[0]->finished(200) && !readers[2]->finished(1));
    run_->command("release all");
    for (const std::size_t i : {0, 2}) {
        QVERIFY(readers[i]->finished(20000));
        QCOMPARE(readers[i]->bytes(), expected(files[i]));
    }
    Reader again(path(files[1]), 0, 4096);
    QVERIFY(again.finished(20000));
    QCOMPARE(again.bytes(), expected(files[1]));
    QVERIFY(run_->settled());
    int failed = 0;
    for (const QJsonObject& event : run_->events())
        failed += event["event"] == "answered" && event["result"].toInt() != 0 ? 1 : 0;
    QCOMPARE(failed, 1);
}

// A page fault is denied with SIGBUS, however often the kernel tries.
void TestSteer::fanotify_in_a_mapping() {
    const QString file = fresh_file();
    run_->command("fail next EIO file=\"/" + file.toUtf8() + '"');
    QVERIFY(!run_->wait_for("rule").isEmpty());
    QProcess mapping;
    mapping.start("python3", {"-c",
                              "import mmap,sys\nf=open(sys.argv[1],'rb')\n"
                              "m=mmap.mmap(f.fileno(),0,prot=mmap.PROT_READ)\nprint(m[0])",
                              path(file)});
    QVERIFY(mapping.waitForFinished(30000));
    QCOMPARE(mapping.exitStatus(), QProcess::CrashExit);
    QCOMPARE(mapping.exitCode(), SIGBUS);
}

void TestSteer::fanotify_refuses_other_errors() {
    const QString file = fresh_file();
    run_->command("fail ENOENT file=\"/" + file.toUtf8() + '"');
    const QJsonObject refused = run_->wait_for("command_error");
    QVERIFY2(refused["text"].toString().contains("EDQUOT"),
             QJsonDocument(refused).toJson().constData());
    Reader reader(path(file), 0, 4096);
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.bytes(), expected(file));
}

void TestSteer::bad_commands_are_said() {
    for (const char* line :
         {"hold", "release", "relase all", "fail EFOO next", "delay 5 next",
          "hold file=/no/such/file", "hold file=/usr", "clear 77", "hold object=nothing"}) {
        run_->forget();
        run_->command(line);
        const QJsonObject event = run_->wait_for("command_error");
        QCOMPARE(event["command"].toString(), QString(line));
        QVERIFY(!event["text"].toString().isEmpty());
    }
    run_->forget();
    run_->command("release 999999");
    const QJsonObject notice = run_->wait_for("notice", 999999);
    QCOMPARE(notice["request"].toInteger(), 999999);
}

void TestSteer::the_end_of_commands_releases() {
    const QString file = fresh_file();
    run_->command("hold all");
    QVERIFY(!run_->wait_for("rule").isEmpty());
    Reader reader(path(file), 0, 4096);
    QVERIFY(held_of(reader) > 0);
    run_->close_commands();
    QVERIFY(!reader.finished(1000));
    QVERIFY(reader.finished(15000)); // the hold grace is 10 s
    QCOMPARE(reader.bytes(), expected(file));
}

QTEST_GUILESS_MAIN(TestSteer)
#include "test_steer.moc"
