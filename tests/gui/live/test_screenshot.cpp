// coldscope --screenshot, as the program: the same picture each time, whatever this user's settings
// are; a sentence where there is nothing to show.
#include "app/run/demo.h"
#include "tests/kernel/live_run.h"
#include "tests/models/opened_workspace.h"

#include <QDir>
#include <QFile>
#include <QImage>
#include <QProcess>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::test;

class TestScreenshot : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void twice_the_same();
    void settings_are_left_alone();
    void a_run_until_its_readers_have_read();
    void of_an_attached_run();
    void the_demo();
    void the_demo_is_steered();
    void a_program_that_is_not_there();
    void wrong_use_data();
    void wrong_use();
    void what_fails_is_said_data();
    void what_fails_is_said();

private:
    struct Ended {
        int code = -1;
        QString said; // on both outputs
    };
    [[nodiscard]] Ended run(QStringList arguments, const QProcessEnvironment& more = {}) const;
    [[nodiscard]] QString path(const QString& name) const { return folder_.filePath(name); }
    [[nodiscard]] static bool as_expected(const QImage& image) {
        return image.size() == QSize(1440, 900);
    }

    QTemporaryDir folder_;
};

void TestScreenshot::initTestCase() {
    const BuiltImage built = small_image();
    QVERIFY(QDir(folder_.path()).mkdir(QStringLiteral("with spaces")));
    QVERIFY(write_file(path("with spaces/an image.erofs"), built.bytes));
    QVERIFY(write_file(path("with spaces/layer.blob"), built.blobs[0]));
    QFile text(path("text"));
    QVERIFY(text.open(QIODevice::WriteOnly) && text.write(QByteArray(4000, 'a')) == 4000);
}

// Without a display, as in a chroot.
TestScreenshot::Ended TestScreenshot::run(QStringList arguments,
                                          const QProcessEnvironment& more) const {
    QProcess process;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
        environment.remove(QString::fromLatin1(name));
    environment.insert(more);
    process.setProcessEnvironment(environment);
    process.setWorkingDirectory(folder_.path());
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program(QStringLiteral("coldscope")), arguments);
    if (!process.waitForFinished(240000))
        return {-1, QStringLiteral("it did not end: ") + QString::fromUtf8(process.readAll())};
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1,
            QString::fromUtf8(process.readAll())};
}

void TestScreenshot::twice_the_same() {
    const QStringList image{QStringLiteral("with spaces/an image.erofs"),
                            QStringLiteral("--device"), QStringLiteral("with spaces/layer.blob"),
                            QStringLiteral("--screenshot")};
    QProcessEnvironment other;
    other.insert(QStringLiteral("LC_ALL"), QStringLiteral("de_DE.UTF-8"));
    other.insert(QStringLiteral("QT_SCALE_FACTOR"), QStringLiteral("2"));
    other.insert(QStringLiteral("QT_FONT_DPI"), QStringLiteral("160"));
    other.insert(QStringLiteral("QT_STYLE_OVERRIDE"), QStringLiteral("Windows"));
    for (const char* name : {"1.png", "2.png"}) {
        const Ended ended = run(image + QStringList{QString::fromLatin1(name)},
                                *name == '2' ? other : QProcessEnvironment());
        QVERIFY2(ended.code == 0, qPrintable(ended.said));
    }
    const QImage first(path("1.png"));
    QVERIFY(as_expected(first));
    QCOMPARE(first, QImage(path("2.png")));
    const Ended dark = run(image + QStringList{QStringLiteral("dark.png"),
                                               QStringLiteral("--theme"), QStringLiteral("dark")});
    QVERIFY2(dark.code == 0, qPrintable(dark.said));
    const QImage other_theme(path("dark.png"));
    QVERIFY(as_expected(other_theme));
    QVERIFY(qGray(other_theme.pixel(720, 300)) < qGray(first.pixel(720, 300)));
}

void TestScreenshot::settings_are_left_alone() {
    // A dark theme, and a recent image, which the first page would name.
    const QString file = path("config/coldscope/coldscope.conf");
    QVERIFY(QDir(folder_.path()).mkpath(QStringLiteral("config/coldscope")));
    const QByteArray settings("[General]\nrecent=/some/where/else.erofs\n[window]\ntheme=2\n");
    QFile written(file);
    QVERIFY(written.open(QIODevice::WriteOnly) && written.write(settings) == settings.size());
    written.close();
    QProcessEnvironment mine;
    mine.insert(QStringLiteral("XDG_CONFIG_HOME"), path("config"));
    QProcessEnvironment none;
    none.insert(QStringLiteral("XDG_CONFIG_HOME"), path("no-config"));
    const Ended with = run({QStringLiteral("--screenshot"), QStringLiteral("with.png")}, mine);
    QVERIFY2(with.code == 0, qPrintable(with.said));
    const Ended without =
        run({QStringLiteral("--screenshot"), QStringLiteral("without.png")}, none);
    QVERIFY2(without.code == 0, qPrintable(without.said));
    QCOMPARE(QImage(path("with.png")), QImage(path("without.png")));
    QVERIFY(written.open(QIODevice::ReadOnly));
    QCOMPARE(written.readAll(), settings);
    QVERIFY(!QFile::exists(path("no-config")));
}

void TestScreenshot::a_run_until_its_readers_have_read() {
    const Ended ended =
        run({QStringLiteral("with spaces/an image.erofs"), QStringLiteral("--start"),
             QStringLiteral("--transport"), QStringLiteral("simulated"),
             QStringLiteral("--screenshot"), QStringLiteral("run.png")});
    QVERIFY2(ended.code == 0, qPrintable(ended.said));
    QVERIFY(as_expected(QImage(path("run.png"))));
}

// Whether its readers have read all is not told: this one's last read comes in an hour.
void TestScreenshot::of_an_attached_run() {
    QFile reads(path("reads"));
    QVERIFY(reads.open(QIODevice::WriteOnly) && reads.write("3600s late /README.md\n") > 0);
    reads.close();
    const QString socket = QStringLiteral("unix:") + path("run.sock");
    QProcess daemon;
    daemon.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    daemon.start(program(QStringLiteral("coldscoped")),
                 {QStringLiteral("run"), QStringLiteral("--image"), app::demo_image(),
                  QStringLiteral("--transport"), QStringLiteral("simulated"),
                  QStringLiteral("--cache"), path("cache"), QStringLiteral("--reads"),
                  path("reads"), QStringLiteral("--listen"), socket});
    const bool listens = QTest::qWaitFor([this] { return QFile::exists(path("run.sock")); }, 20000);
    const Ended ended = run({QStringLiteral("--attach"), socket, QStringLiteral("--screenshot"),
                             QStringLiteral("attached.png")});
    daemon.terminate();
    QVERIFY(daemon.waitForFinished(20000));
    QVERIFY(listens);
    QVERIFY2(ended.code == 0, qPrintable(ended.said));
    QVERIFY(as_expected(QImage(path("attached.png"))));
}

// All of it: the mount is there, read, and gone.
void TestScreenshot::the_demo() {
    const Ended ended =
        run({QStringLiteral("--demo"), QStringLiteral("--screenshot"), QStringLiteral("demo.png")});
    QVERIFY2(ended.code == 0, qPrintable(ended.said));
    QVERIFY(as_expected(QImage(path("demo.png"))));
    QFile mounts(QStringLiteral("/proc/self/mounts"));
    QVERIFY(mounts.open(QIODevice::ReadOnly));
    QVERIFY(!mounts.readAll().contains(app::demo_image().toUtf8()));
}

void TestScreenshot::the_demo_is_steered() {
    const Ended ended =
        run({QStringLiteral("--demo"), QStringLiteral("--steer"), QStringLiteral("clear 7"),
             QStringLiteral("--screenshot"), QStringLiteral("none.png")});
    QCOMPARE(ended.code, 1);
    QVERIFY2(ended.said.contains(QStringLiteral("Not done: clear 7")), qPrintable(ended.said));
}

void TestScreenshot::a_program_that_is_not_there() {
    NEEDS_TRANSPORT("fuse-tree");
    const Ended ended =
        run({app::demo_image(), QStringLiteral("--start"), QStringLiteral("--transport"),
             QStringLiteral("fuse-tree"), QStringLiteral("--screenshot"),
             QStringLiteral("none.png"), QStringLiteral("--"), QStringLiteral("no-such-program")});
    QCOMPARE(ended.code, 1);
    QVERIFY2(ended.said.startsWith(QStringLiteral("coldscope: ")) &&
                 ended.said.contains(QStringLiteral("did not start: no-such-program")),
             qPrintable(ended.said));
    QVERIFY(!QFile::exists(path("none.png")));
}

void TestScreenshot::wrong_use_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QString>("said");
    const QString demo = QStringLiteral("--demo");
    QTest::newRow("nobody is there to allow it")
        << QStringList{QStringLiteral("text"), QStringLiteral("--start"),
                       QStringLiteral("--privileged")}
        << QStringLiteral("--privileged");
    QTest::newRow("an image") << QStringList{demo, QStringLiteral("text")}
                              << QStringLiteral("an image of its own");
    QTest::newRow("a transport") << QStringList{demo, QStringLiteral("--transport"),
                                                QStringLiteral("simulated")}
                                 << QStringLiteral("--transport");
    QTest::newRow("a latency") << QStringList{demo, QStringLiteral("--latency"),
                                              QStringLiteral("1ms")}
                               << QStringLiteral("--latency");
    QTest::newRow("rights") << QStringList{demo, QStringLiteral("--privileged")}
                            << QStringLiteral("--privileged");
    QTest::newRow("a program") << QStringList{demo, QStringLiteral("--"), QStringLiteral("ls")}
                               << QStringLiteral("a program of its own");
}

void TestScreenshot::wrong_use() {
    QFETCH(QStringList, arguments);
    QFETCH(QString, said);
    const Ended ended =
        run(QStringList{QStringLiteral("--screenshot"), QStringLiteral("none.png")} + arguments);
    QCOMPARE(ended.code, 2);
    QVERIFY2(ended.said.contains(said), qPrintable(ended.said));
    QVERIFY(!QFile::exists(path("none.png")));
}

void TestScreenshot::what_fails_is_said_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QString>("said");
    const QString option = QStringLiteral("--screenshot");
    QTest::newRow("no image") << QStringList{QStringLiteral("text"), option,
                                             QStringLiteral("none.png")}
                              << QStringLiteral("text");
    QTest::newRow("gone") << QStringList{QStringLiteral("gone"), option, QStringLiteral("none.png")}
                          << QStringLiteral("gone");
    QTest::newRow("no folder") << QStringList{option, QStringLiteral("no/none.png")}
                               << QStringLiteral("no/none.png cannot be written");
}

void TestScreenshot::what_fails_is_said() {
    QFETCH(QStringList, arguments);
    QFETCH(QString, said);
    const Ended ended = run(arguments);
    QCOMPARE(ended.code, 1);
    QVERIFY2(ended.said.startsWith(QStringLiteral("coldscope: ")) && ended.said.contains(said) &&
                 ended.said.count(u'\n') == 1,
             qPrintable(ended.said));
    QVERIFY(!QFile::exists(path("none.png")));
}

QTEST_GUILESS_MAIN(TestScreenshot)
#include "test_screenshot.moc"
