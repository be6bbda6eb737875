// The AppImage on machines that have nothing but the base libraries: bare Debian 12 and 13. What it
// prints, draws and mounts there is what this build does here; where something is missing, it
// starts all the same or says what; whatever dies, no reader gets zeros.
#include "tests/appimage/bare_chroot.h"
#include "tests/kernel/live_run.h"
#include "tests/kernel/original_files.h"

#include <QImage>
#include <QJsonDocument>
#include <QtTest>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

using namespace coldscope::test;

namespace {

// Whether the path is that of a mount of the machine.
bool is_everybodys(const QString& path) {
    QFile file("/proc/1/mountinfo");
    return !file.open(QIODevice::ReadOnly) || file.readAll().contains(path.toUtf8());
}

// What serves the AppImage's files.
QList<qint64> servers_of_files(const BareChroot& chroot) {
    QList<qint64> found;
    for (const qint64 pid : chroot.processes()) {
        const QDir process(QString("/proc/%1").arg(pid));
        if (!QFile::symLinkTarget(process.filePath("exe")).endsWith(".AppImage"))
            continue;
        const QDir files(process.filePath("fd"));
        for (const QString& name : files.entryList(QDir::AllEntries | QDir::System)) {
            if (QFile::symLinkTarget(files.filePath(name)).endsWith("/dev/fuse"))
                found << pid;
        }
    }
    return found;
}

} // namespace

class TestChroots : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();
    void says_its_version_data();
    void says_its_version();
    void lists_an_image_data() { add_suites(); }
    void lists_an_image();
    void draws_the_same_picture_data() { add_suites(); }
    void draws_the_same_picture();
    void demo_on_the_simulated_kernel_data() { add_suites(); }
    void demo_on_the_simulated_kernel();
    void demo_in_the_window_data();
    void demo_in_the_window();
    void every_file_data();
    void every_file();
    void lacks_something_data();
    void lacks_something();
    void killed_data();
    void killed();

private:
    static void add_suites();
    // One that is open; null with the reason why not in why_.
    [[nodiscard]] BareChroot* open(const QString& suite, unsigned fuse_mode = 0666);
    [[nodiscard]] QString path(const QString& name) const { return folder_.filePath(name); }
    [[nodiscard]] QString home() const { return path("home"); }
    // An empty folder, of this user.
    QString new_folder(const QString& name, bool roots = false) const;

    QTemporaryDir folder_; // shared with the chroots
    QString appimage_;     // in it
    TreeImage image_;      // likewise
    std::unique_ptr<BareChroot> chroot_;
    QString why_;
};

void TestChroots::add_suites() {
    QTest::addColumn<QString>("suite");
    QTest::newRow("Debian 12") << "bookworm";
    QTest::newRow("Debian 13") << "trixie";
}

QString TestChroots::new_folder(const QString& name, bool roots) const {
    const uid_t owner = roots ? 0 : BareChroot::ordinary_user;
    QDir(path(name)).removeRecursively();
    if (!QDir().mkpath(path(name)) || ::chown(qPrintable(path(name)), owner, owner) != 0)
        qFatal("no folder %s", qPrintable(name));
    return path(name);
}

void TestChroots::initTestCase() {
    const QString built = appimage_file();
    if (!QFile::exists(built)) {
        QVERIFY2(!must_not_skip(), qPrintable(built + " is missing"));
        QSKIP("no AppImage: packaging/appimage/build makes it");
    }
    QVERIFY(folder_.isValid());
    QFile::setPermissions(folder_.path(), QFile::Permissions(0x7755));
    appimage_ = path("Coldscope.AppImage");
    QVERIFY(QFile::copy(built, appimage_));
    QVERIFY(QFile::setPermissions(appimage_, QFile::Permissions(0x7755)));
    QString error;
    image_ = make_tree_image(folder_.path(), 300, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    QFile sums(path("sums"));
    QVERIFY(sums.open(QIODevice::WriteOnly));
    for (const QString& file : image_.files)
        sums.write(sha256_of(image_.tree + '/' + file).toHex() + "  " + file.toUtf8() + '\n');
}

void TestChroots::init() {
    new_folder("home");
}

// Nothing lives on there, and nothing is left mounted.
void TestChroots::cleanup() {
    if (chroot_) {
        QTRY_COMPARE_WITH_TIMEOUT(chroot_->processes(), QList<qint64>(), 20000);
        QTRY_COMPARE_WITH_TIMEOUT(chroot_->left_mounted(), QStringList(), 20000);
    }
    chroot_.reset();
    QVERIFY(!is_everybodys(folder_.path()));
}

BareChroot* TestChroots::open(const QString& suite, unsigned fuse_mode) {
    chroot_ = std::make_unique<BareChroot>(suite);
    why_ = chroot_->obstacle();
    if (why_.isEmpty() && chroot_->open(folder_.path(), fuse_mode, &why_))
        return chroot_.get();
    chroot_.reset();
    return nullptr;
}

// For the start of a test: opens the row's chroot, or leaves it. Further arguments are open()'s.
#define NEEDS_CHROOT(chroot, ...)                                                                  \
    QFETCH(QString, suite);                                                                        \
    BareChroot* const chroot = open(suite __VA_OPT__(, ) __VA_ARGS__);                             \
    do {                                                                                           \
        if (chroot == nullptr) {                                                                   \
            QVERIFY2(!must_not_skip(), qPrintable(why_));                                          \
            QSKIP(qPrintable(why_));                                                               \
        }                                                                                          \
    } while (false)

void TestChroots::says_its_version_data() {
    QTest::addColumn<QString>("suite");
    QTest::addColumn<bool>("extracted");
    QTest::addColumn<bool>("as_root");
    for (const char* suite : {"bookworm", "trixie"}) {
        QTest::addRow("%s, mounted, root", suite) << suite << false << true;
        QTest::addRow("%s, mounted, user", suite) << suite << false << false;
        QTest::addRow("%s, extracted, root", suite) << suite << true << true;
        QTest::addRow("%s, extracted, user", suite) << suite << true << false;
    }
}

void TestChroots::says_its_version() {
    QFETCH(bool, extracted);
    QFETCH(bool, as_root);
    NEEDS_CHROOT(chroot);
    for (const char* name : {"coldscope", "coldscoped"}) {
        QStringList words = chroot->entry(as_root, home()) << appimage_;
        if (extracted)
            words << "--appimage-extract-and-run";
        if (name == std::string_view("coldscoped"))
            words << name;
        const auto inside = BareChroot::run(words << "--version");
        const auto outside =
            BareChroot::run(BareChroot::outside(home()) << program(name) << "--version");
        QCOMPARE(inside.err, QByteArray()); // not even that it could not be mounted
        QCOMPARE(inside.status, 0);
        QCOMPARE(inside.out, outside.out);
        QVERIFY(inside.out.startsWith(name));
    }
}

void TestChroots::lists_an_image() {
    NEEDS_CHROOT(chroot);
    const QStringList arguments{"ls", "-lR", image_.bootstrap};
    const auto inside = BareChroot::run(chroot->entry(false, home()) +
                                        QStringList{appimage_, "coldscoped"} + arguments);
    const auto outside =
        BareChroot::run(BareChroot::outside(home()) << program("coldscoped") << arguments);
    QCOMPARE(inside.err, QByteArray());
    QCOMPARE(inside.status, 0);
    QCOMPARE(inside.out, outside.out);
    QVERIFY(inside.out.count('\n') > image_.files.size());
}

// Fonts are drawn by the libraries of the place: fontconfig, FreeType and HarfBuzz.
void TestChroots::draws_the_same_picture() {
    NEEDS_CHROOT(chroot);
    const auto picture_of = [&](const QStringList& command, const QString& name) {
        const auto made =
            BareChroot::run(command + QStringList{image_.bootstrap, "--theme", "light",
                                                  "--screenshot", path(name)});
        if (made.status != 0 || !made.err.isEmpty())
            qWarning("exit code %d: %s", made.status, made.err.constData());
        return QImage(path(name));
    };
    const QImage inside = picture_of(chroot->entry(false, home()) << appimage_, "home/inside.png");
    const QImage outside =
        picture_of(BareChroot::outside(home()) << program("coldscope"), "home/outside.png");
    QVERIFY(outside.width() > 800);
    QCOMPARE(inside, outside);
}

void TestChroots::demo_on_the_simulated_kernel() {
    NEEDS_CHROOT(chroot);
    LiveRun run(image_, new_folder("run"), "simulated");
    run.started_by = chroot->entry(false, home()) + QStringList{appimage_, "coldscoped"};
    QVERIFY(run.start());
    QVERIFY(!run.wait_for("summary").isEmpty());
    QVERIFY(run.count("arrived") > 10);
    QCOMPARE(run.count("answered"), run.count("arrived"));
    QCOMPARE(run.stop(), 0);
}

void TestChroots::demo_in_the_window_data() {
    QTest::addColumn<QString>("suite");
    QTest::addColumn<unsigned>("fuse_mode");
    for (const char* suite : {"bookworm", "trixie"}) {
        QTest::addRow("%s, live", suite) << suite << 0666U;
        QTest::addRow("%s, simulated", suite) << suite << 0U;
    }
}

// Its picture is made when its readers have read all; what went wrong would be said.
void TestChroots::demo_in_the_window() {
    QFETCH(unsigned, fuse_mode);
    NEEDS_CHROOT(chroot, fuse_mode);
    const QString picture = path("home/demo.png");
    const auto demo = BareChroot::run(chroot->entry(false, home()) +
                                      QStringList{appimage_, "--demo", "--screenshot", picture});
    QVERIFY2(fuse_mode == 0 || demo.err.isEmpty(), demo.err.constData());
    QCOMPARE(demo.status, 0);
    QVERIFY(!QImage(picture).isNull());
}

void TestChroots::every_file_data() {
    QTest::addColumn<QString>("suite");
    QTest::addColumn<QString>("transport");
    QTest::addColumn<bool>("as_root");
    for (const char* suite : {"bookworm", "trixie"}) {
        QTest::addRow("%s, fuse-tree, user", suite) << suite << "fuse-tree" << false;
        for (const char* transport : {"fuse-tree", "fuse-blob", "fanotify"})
            QTest::addRow("%s, %s, root", suite, transport) << suite << transport << true;
    }
}

void TestChroots::every_file() {
    QFETCH(QString, transport);
    QFETCH(bool, as_root);
    NEEDS_TRANSPORT(transport);
    NEEDS_CHROOT(chroot);
    const QString mount = new_folder("mount", as_root), cache = new_folder("cache", as_root);
    const auto checked = BareChroot::run(
        chroot->entry(as_root, home()) +
        QStringList{appimage_,        "coldscoped", "run",       "--json",      "--image",
                    image_.bootstrap, "--device",   image_.blob, "--transport", transport,
                    "--mount",        mount,        "--cache",   cache,         "--",
                    "sha256sum",      "--check",    "--strict",  "--quiet",     path("sums")});
    QVERIFY2(checked.err.isEmpty(), checked.err.constData());
    QCOMPARE(checked.status, 0);
    // They came on demand.
    QVERIFY(checked.out.count("\"event\":\"fetching\"") > image_.files.size() / 2);
}

void TestChroots::lacks_something_data() {
    QTest::addColumn<QString>("suite");
    QTest::addColumn<unsigned>("fuse_mode"); // 0: there is none
    QTest::addColumn<QString>("home");
    QTest::addColumn<QString>("file");
    QTest::addColumn<QString>("says"); // the one line that it says; empty: nothing
    const QString extracting = "runs from extracted files, since they can't be mounted: fuse: .*";
    for (const char* suite : {"bookworm", "trixie"}) {
        const auto row = [&](const char* name) -> QTestData& {
            return QTest::addRow("%s, %s", suite, name) << suite;
        };
        row("no FUSE") << 0U << home() << appimage_ << extracting;
        row("FUSE refused") << 0600U << home() << appimage_ << extracting;
        row("read-only home") << 0666U << "/var" << appimage_ << "";
        row("no such home") << 0666U << "/nowhere" << appimage_ << "";
        row("no HOME") << 0666U << "" << appimage_ << "";
        row("spaces") << 0666U << home() << path("a folder's/Cold  scope $HOME.AppImage") << "";
        row("no FUSE, spaces") << 0U << home() << path("a folder's/Cold  scope $HOME.AppImage")
                               << extracting;
        row("no FUSE, no HOME") << 0U << "" << appimage_ << extracting;
    }
}

void TestChroots::lacks_something() {
    QFETCH(unsigned, fuse_mode);
    QFETCH(QString, home);
    QFETCH(QString, file);
    QFETCH(QString, says);
    NEEDS_CHROOT(chroot, fuse_mode);
    if (!QFile::exists(file)) {
        QVERIFY(QDir().mkpath(QFileInfo(file).path()));
        QVERIFY(QFile::copy(appimage_, file));
    }
    const QStringList start = chroot->entry(false, home) << file;
    const QString picture = new_folder("pictures") + "/picture.png";
    const std::vector<QStringList> commands = {{"coldscoped", "--version"},
                                               {"coldscoped", "ls", image_.bootstrap},
                                               {image_.bootstrap, "--screenshot", picture}};
    const QRegularExpression said(says.isEmpty() ? "^$" : "^[^\n]*: " + says + "\n$");
    for (const QStringList& command : commands) {
        auto done = BareChroot::run(start + command);
        // Fontconfig is the machine's; most have a cache of all their fonts.
        done.err.replace("Fontconfig error: No writable cache directories\n", "");
        QVERIFY2(said.match(QString::fromUtf8(done.err)).hasMatch(), done.err.constData());
        QCOMPARE(done.status, 0);
    }
    QVERIFY(!QImage(picture).isNull());
    // What can't be done without FUSE says so in its last line.
    const QString mount = new_folder("mount");
    const auto run = BareChroot::run(
        start + QStringList{"coldscoped", "run", "--image", image_.bootstrap, "--device",
                            image_.blob, "--transport", "fuse-tree", "--mount", mount, "--cache",
                            new_folder("cache"), "--", "ls"});
    QCOMPARE(run.status, says.isEmpty() ? 0 : 1);
    const QByteArray reason = run.err.trimmed().split('\n').last();
    QVERIFY2(says.isEmpty() || reason.contains("/dev/fuse"), run.err.constData());
}

void TestChroots::killed_data() {
    QTest::addColumn<QString>("suite");
    QTest::addColumn<bool>("its_files"); // the server of the AppImage's files, else coldscoped
    for (const char* suite : {"bookworm", "trixie"}) {
        QTest::addRow("%s, coldscoped", suite) << suite << false;
        QTest::addRow("%s, the AppImage's files", suite) << suite << true;
    }
}

void TestChroots::killed() {
    QFETCH(bool, its_files);
    NEEDS_TRANSPORT(QString("fanotify"));
    NEEDS_CHROOT(chroot);
    LiveRun run(image_, new_folder("run", true), "fanotify");
    run.started_by = chroot->entry(true, home()) + QStringList{appimage_, "coldscoped"};
    QVERIFY(run.start());
    run.command("hold object=1");
    QVERIFY(!run.wait_for("rule").isEmpty());
    std::vector<std::pair<QString, std::unique_ptr<Reader>>> readers;
    for (const QString& file : image_.files) {
        if (readers.size() < 16 && QFileInfo(image_.tree + '/' + file).size() >= 8192)
            readers.emplace_back(file, std::make_unique<Reader>(run.mount() + '/' + file, 0, 4096));
    }
    for (const auto& [file, reader] : readers)
        QTRY_VERIFY_WITH_TIMEOUT(reader->waits(), 20000);
    if (its_files) {
        const QList<qint64> servers = servers_of_files(*chroot);
        QVERIFY(!servers.isEmpty());
        for (const qint64 pid : servers)
            QCOMPARE(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
        run.command("release all"); // it may live on with what it has in memory
    } else {
        QCOMPARE(run.stop(SIGKILL), -1);
    }
    int errors = 0;
    for (const auto& [file, reader] : readers) {
        QVERIFY(reader->finished(20000));
        const QByteArray bytes = reader->bytes();
        errors += reader->result() != 0 ? 1 : 0;
        QCOMPARE(bytes, reader->result() != 0 ? QByteArray()
                                              : original(image_.tree + '/' + file, 0, 4096));
    }
    qInfo("%d of %zu readers got an error", errors, readers.size());
    QVERIFY(its_files || errors > 0);
    run.stop(SIGKILL);
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
}

QTEST_GUILESS_MAIN(TestChroots)
#include "test_chroots.moc"
