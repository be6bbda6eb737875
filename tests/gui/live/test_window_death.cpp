// coldscope as a process: whatever ends it with requests held, no reader waits for long, none gets
// wrong bytes, and no mount stays.
#include "tests/gui/live/window_fixture.h"

#include <QProcess>
#include <QStandardPaths>
#include <QtTest>
#include <csignal>

using namespace coldscope::test;

namespace {

// waitForFinished() says no of a process that has ended already.
bool ended(QProcess& process, int timeout_ms) {
    return process.state() == QProcess::NotRunning || process.waitForFinished(timeout_ms) ||
           process.state() == QProcess::NotRunning;
}

} // namespace

class TestWindowDeath : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanup();
    void killed_data() { add_transports(); }
    void killed();
    void asked_to_end_data() { add_transports(); }
    void asked_to_end();
    void its_display_is_closed_data() { add_transports(); }
    void its_display_is_closed();
    void without_a_display();

private:
    // A window on a run that holds everything, and this many readers that wait in it.
    struct Session {
        QTemporaryDir folder;
        std::vector<std::unique_ptr<Reader>> readers; // end after the window, which may hold them
        QProcess window;
        std::vector<QString> files;
        [[nodiscard]] QString mount() const { return folder.filePath(QStringLiteral("mount")); }
    };
    void begin(Session& session, const QString& transport, std::size_t readers,
               const QProcessEnvironment& environment);
    void expect_free(Session& session);

    QTemporaryDir folder_;
    TreeImage image_;
};

void TestWindowDeath::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 200, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestWindowDeath::cleanup() {
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000);
}

void TestWindowDeath::begin(Session& session, const QString& transport, std::size_t readers,
                            const QProcessEnvironment& environment) {
    QDir().mkpath(session.mount());
    const QString steered = session.folder.filePath(QStringLiteral("steered"));
    QProcessEnvironment own = environment;
    own.insert(QStringLiteral("XDG_CONFIG_HOME"), session.folder.path());
    session.window.setProcessEnvironment(own);
    session.window.setProcessChannelMode(QProcess::MergedChannels);
    session.window.start(program(QStringLiteral("coldscope")),
                         {image_.bootstrap, QStringLiteral("--device"), image_.blob,
                          QStringLiteral("--mount"), session.mount(), QStringLiteral("--cache"),
                          session.folder.filePath(QStringLiteral("cache")),
                          QStringLiteral("--transport"), transport, QStringLiteral("--start"),
                          QStringLiteral("--steer"), QStringLiteral("hold object=1"),
                          QStringLiteral("--steer"), QStringLiteral("hold all"),
                          QStringLiteral("--"), QStringLiteral("touch"), steered});
    QVERIFY(session.window.waitForStarted());
    // The program in the mount comes after the rules.
    QTRY_VERIFY2_WITH_TIMEOUT(QFileInfo::exists(steered), session.window.readAll().constData(),
                              30000);
    QVERIFY(is_mounted(session.mount()));
    session.files = files_of(image_, readers);
    for (const QString& file : session.files)
        session.readers.push_back(std::make_unique<Reader>(session.mount() + u'/' + file, 0, 4096));
    for (const auto& reader : session.readers)
        QTRY_VERIFY_WITH_TIMEOUT(reader->waits(), 20000);
    for (const auto& reader : session.readers)
        QVERIFY(!reader->finished(1));
}

// With an error or with right bytes, and soon: the grace is 1 s, and what a sanitizer does at the
// window's end takes its time.
void TestWindowDeath::expect_free(Session& session) {
    QElapsedTimer since;
    since.start();
    for (std::size_t i = 0; i < session.readers.size(); ++i) {
        Reader& reader = *session.readers[i];
        QVERIFY2(reader.finished(static_cast<int>(std::max<qint64>(1, 5000 - since.elapsed()))),
                 "a reader waits for more than 5 s");
        const QByteArray bytes = reader.bytes();
        const QByteArray expected = original(image_.tree + u'/' + session.files[i], 0, 4096);
        QVERIFY(reader.result() != 0 || bytes == expected);
        QVERIFY(bytes.isEmpty() || bytes == expected);
    }
    qInfo("the last of %zu readers was free after %lld ms", session.readers.size(),
          static_cast<long long>(since.elapsed()));
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(session.mount()), 20000);
}

void TestWindowDeath::killed() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    Session session;
    begin(session, transport, 20, QProcessEnvironment::systemEnvironment());
    if (QTest::currentTestFailed())
        return;
    session.window.kill();
    expect_free(session);
    QVERIFY(ended(session.window, 20000));
}

void TestWindowDeath::asked_to_end() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    Session session;
    begin(session, transport, 20, QProcessEnvironment::systemEnvironment());
    if (QTest::currentTestFailed())
        return;
    session.window.terminate();
    expect_free(session);
    QVERIFY(ended(session.window, 20000));
    QCOMPARE(session.window.exitStatus(), QProcess::NormalExit);
    QCOMPARE(session.window.exitCode(), 0);
}

// A display of its own, which then goes away.
void TestWindowDeath::its_display_is_closed() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    if (QStandardPaths::findExecutable(QStringLiteral("Xvfb")).isEmpty()) {
        QVERIFY2(!must_not_skip(), "Xvfb is missing (Debian package xvfb)");
        QSKIP("Xvfb is missing (Debian package xvfb)");
    }
    QProcess display;
    display.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    display.start(QStringLiteral("Xvfb"),
                  {QStringLiteral("-displayfd"), QStringLiteral("1"), QStringLiteral("-screen"),
                   QStringLiteral("0"), QStringLiteral("1280x720x24")});
    QVERIFY(display.waitForReadyRead(20000));
    QByteArray number = display.readAllStandardOutput();
    while (!number.endsWith('\n') && display.waitForReadyRead(20000))
        number += display.readAllStandardOutput();
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("DISPLAY"),
                       QStringLiteral(":%1").arg(QString::fromLatin1(number.trimmed())));
    environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("xcb"));
    Session session;
    begin(session, transport, 5, environment);
    if (!QTest::currentTestFailed()) {
        display.kill();
        expect_free(session);
        QVERIFY(ended(session.window, 20000));
    }
    display.kill();
    display.waitForFinished();
}

void TestWindowDeath::without_a_display() {
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const char* variable : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
        environment.remove(QLatin1String(variable));
    const auto run = [&](const QStringList& arguments, int expected) {
        QProcess process;
        process.setProcessEnvironment(environment);
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(program(QStringLiteral("coldscope")), arguments);
        if (!process.waitForFinished(20000) || process.exitStatus() != QProcess::NormalExit)
            return QByteArray();
        return process.exitCode() == expected ? process.readAll() : QByteArray();
    };
    QVERIFY(run({QStringLiteral("--help")}, 0).contains("--steer"));
    QVERIFY(run({QStringLiteral("--version")}, 0).startsWith("coldscope "));
    QVERIFY(run({}, 1).contains("no display"));
    QVERIFY(
        run({QStringLiteral("--steer"), QStringLiteral("hold everything")}, 2).contains("--steer"));
}

QTEST_MAIN(TestWindowDeath)
#include "test_window_death.moc"
