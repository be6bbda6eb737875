// Extraction by the AppImage's runtime: what is written, where, and what is said when it can't be.
#include "tests/appimage/appimage_run.h"

#include <QDir>
#include <QFile>
#include <QtTest>
#include <csignal>

#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope::test;

namespace {

constexpr char small_image[] = "with spaces.AppImage";
constexpr char where_script[] = R"(#!/bin/sh
case $1 in
where) stat -c '%a' "$APPDIR"; echo "$APPDIR"; exit 4 ;;
wait) echo ready; exec sleep 20 ;;
esac
printf '<%s>' "$@"
)";

[[nodiscard]] struct stat status_of(const QString& path) {
    struct stat status = {};
    ::lstat(path.toLocal8Bit(), &status);
    return status;
}

[[nodiscard]] QByteArray file_content(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("(none)");
}

} // namespace

class TestRuntimeExtract : public QObject {
    Q_OBJECT

    AppImageRoom room_;
    QByteArray large_; // several blocks and a fragment
    [[nodiscard]] QString image() const { return room_.path(small_image); }
    [[nodiscard]] QString root(const QString& name) const {
        return room_.path("home/squashfs-root/" + name);
    }

private Q_SLOTS:
    void initTestCase();
    void init() const { QDir(room_.path("home/squashfs-root")).removeRecursively(); }
    void everything_data() { add_users(); }
    void everything();
    void by_pattern_data();
    void by_pattern();
    void over_an_earlier_one();
    void through_no_symlink();
    void and_run();
    void in_the_next_place_data();
    void in_the_next_place();
    void where_programs_cannot_be_run();
    void with_nowhere_to_write();
    void onto_a_full_disk();
    void into_a_closed_pipe();
    void beyond_the_allowed_size();
};

void TestRuntimeExtract::initTestCase() {
    if (const QString why = room_.obstacle(); !why.isEmpty())
        QSKIP(qPrintable(why));
    for (int i = 0; i < 100'000; ++i)
        large_ += QByteArray::number(i * 7919);
    room_.add("AppRun", where_script, 0755);
    room_.add("one.desktop", "desktop\n");
    room_.add("usr/share/one.desktop", "deep\n");
    room_.add("usr/share/text.txt", "text\n", 0640);
    room_.add("usr/lib/large", large_);
    room_.add("usr/lib/copy", large_);
    room_.add("usr/lib/hole", QByteArray(1 << 20, '\0') + "end");
    room_.add("usr/bin/setuid", "no more\n");
    room_.add("usr/empty", "");
    room_.add("usr/closed/inside", "inside\n", 0444);
    const QByteArray app_dir = room_.path("AppDir/").toLocal8Bit();
    QCOMPARE(::chmod(app_dir + "usr/bin/setuid", 06755), 0);
    QCOMPARE(::chmod(app_dir + "usr/closed", 0555), 0);
    QCOMPARE(::link(app_dir + "usr/lib/large", app_dir + "usr/lib/linked"), 0);
    QCOMPARE(::symlink("../lib/large", app_dir + "usr/bin/link"), 0);
    QCOMPARE(::symlink("/nowhere/at all", app_dir + "usr/bin/dangling"), 0);
    QVERIFY(room_.make(small_image));
}

void TestRuntimeExtract::everything() {
    QFETCH(bool, ordinary);
    const Outcome outcome = room_.run({.ordinary = ordinary}, {image(), "--appimage-extract"});
    QCOMPARE(outcome.err, "");
    QCOMPARE(outcome.status, 0);
    QVERIFY(outcome.out.contains("squashfs-root/usr/lib/large\n"));
    QCOMPARE(outcome.out.count('\n'), 18);
    QProcess differences;
    differences.start("diff", {"-r", "--no-dereference", room_.path("AppDir"), root("")});
    QVERIFY(differences.waitForFinished());
    QCOMPARE(differences.readAllStandardOutput(), "");
    QCOMPARE(differences.exitCode(), 0);
    for (const auto& [name, mode] : {std::pair{"AppRun", 0755},
                                     {"usr/bin/setuid", 0755},
                                     {"usr/share/text.txt", 0640},
                                     {"usr/closed", 0555},
                                     {"usr/closed/inside", 0444},
                                     {"usr", 0755}})
        QCOMPARE(int(status_of(root(name)).st_mode & 07777), mode);
    QCOMPARE(status_of(root("usr/lib/linked")).st_ino, status_of(root("usr/lib/large")).st_ino);
    QVERIFY(status_of(root("usr/lib/copy")).st_ino != status_of(root("usr/lib/large")).st_ino);
    QCOMPARE(status_of(root("AppRun")).st_mtime, 0);
    QCOMPARE(QFile::symLinkTarget(root("usr/bin/dangling")), "/nowhere/at all");
}

void TestRuntimeExtract::by_pattern_data() {
    QTest::addColumn<QString>("pattern");
    QTest::addColumn<QByteArrayList>("files");
    QTest::addColumn<int>("status");
    const auto row = [](const char* pattern, const QByteArrayList& files, int status) {
        QTest::newRow(pattern) << QString(pattern) << files << status;
    };
    row("*.desktop", {"one.desktop"}, 0);
    row("usr/*/*.desktop", {"usr/share/one.desktop"}, 0);
    row("usr/share", {"usr/share", "usr/share/one.desktop", "usr/share/text.txt"}, 0);
    row("/usr/share/t?xt*", {"usr/share/text.txt"}, 0);
    row("usr/lib/linked", {"usr/lib/linked"}, 0);
    row("../*", {}, 1);
}

void TestRuntimeExtract::by_pattern() {
    QFETCH(QString, pattern);
    QFETCH(QByteArrayList, files);
    QFETCH(int, status);
    const Outcome outcome = room_.run({.ordinary = true}, {image(), "--appimage-extract", pattern});
    QCOMPARE(outcome.status, status);
    QCOMPARE(outcome.err.count('\n'), status);
    QByteArray expected;
    for (const QByteArray& file : files)
        expected += "squashfs-root/" + file + '\n';
    QCOMPARE(outcome.out, expected);
    for (const QByteArray& file : files)
        QVERIFY(status_of(root(file)).st_mode != 0);
    QCOMPARE(status_of(root("AppRun")).st_mode, mode_t(0));
}

void TestRuntimeExtract::over_an_earlier_one() {
    QCOMPARE(room_.run({.ordinary = true}, {image(), "--appimage-extract"}).status, 0);
    QFile(root("usr/share/text.txt")).remove();
    QVERIFY(QFile::link("/etc/passwd", root("usr/share/text.txt")));
    // The folder that nobody may write to is in the way of an ordinary user alone.
    QCOMPARE(room_.run({}, {image(), "--appimage-extract"}).status, 0);
    QCOMPARE(file_content(root("usr/share/text.txt")), "text\n");
    QVERIFY(S_ISREG(status_of(root("usr/share/text.txt")).st_mode));
}

void TestRuntimeExtract::through_no_symlink() {
    const QString outside = room_.path("tmp/outside");
    QDir().mkpath(outside);
    QDir().mkpath(root(""));
    QVERIFY(QFile::link(outside, root("usr")));
    const Outcome below = room_.run({}, {image(), "--appimage-extract"});
    QCOMPARE(below.status, 1);
    QCOMPARE(below.err.count('\n'), 1);
    init();
    QFile::remove(room_.path("home/squashfs-root"));
    QVERIFY(QFile::link(outside, room_.path("home/squashfs-root")));
    QCOMPARE(room_.run({}, {image(), "--appimage-extract"}).status, 1);
    QVERIFY(QFile::remove(room_.path("home/squashfs-root")));
    QVERIFY(QDir(outside).isEmpty());
}

void TestRuntimeExtract::and_run() {
    const Outcome by_option =
        room_.run({.ordinary = true}, {image(), "--appimage-extract-and-run", "where"});
    QCOMPARE(by_option.status, 4);
    QVERIFY(by_option.out.startsWith("700\n" + room_.path("tmp").toLocal8Bit() + "/.mount_"));
    QVERIFY(room_.gone(small_image));
    for (const auto& [value, extracts] : {std::pair{"1", true}, {"", false}, {"0", false}}) {
        const Host host{.ordinary = true,
                        .fuse = Fuse::Hidden,
                        .environment = {QString("APPIMAGE_EXTRACT_AND_RUN=") + value}};
        const Outcome outcome = room_.run(host, {image(), "say", "x y"});
        QCOMPARE(outcome.out, "<say><x y>");
        QCOMPARE(outcome.err.isEmpty(), extracts); // else it says that it can't mount
    }
    // While it extracts, or soon after.
    for (const int delay_ms : {0, 5, 20, 60}) {
        const auto program = room_.start({}, {image(), "--appimage-extract-and-run", "wait"});
        QVERIFY(program->waitForStarted());
        QTest::qWait(delay_ms);
        program->kill();
        QCOMPARE(AppImageRoom::finish(*program).status, 128 + SIGKILL);
        QVERIFY(room_.gone(small_image));
    }
}

void TestRuntimeExtract::in_the_next_place_data() {
    QTest::addColumn<QByteArray>("preparation");
    QTest::addColumn<QStringList>("environment");
    QTest::addColumn<QByteArray>("place");
    const QByteArray here = room_.path("").toLocal8Bit() + '/';
    const QByteArray no_tmp = "mount -t tmpfs -o noexec none /tmp\n";
    const QString missing = "TMPDIR=/nowhere";
    QTest::newRow("TMPDIR is missing")
        << QByteArray() << QStringList{missing} << QByteArray("/tmp");
    QTest::newRow("TMPDIR can't be written to")
        << QByteArray() << QStringList{"TMPDIR=/etc"} << QByteArray("/tmp");
    QTest::newRow("TMPDIR is noexec")
        << "mount -t tmpfs -o noexec,mode=1777 none '" + here + "tmp'\n"
        << QStringList() << QByteArray("/tmp");
    QTest::newRow("/tmp is noexec, XDG_CACHE_HOME")
        << no_tmp << QStringList{missing, "XDG_CACHE_HOME=" + room_.path("home/other cache")}
        << here + "home/other cache";
    QTest::newRow("/tmp is noexec, no XDG_CACHE_HOME")
        << no_tmp << QStringList{missing} << here + "home/.cache";
    QTest::newRow("/tmp is too small")
        << QByteArray("mount -t tmpfs -o size=64k,mode=1777 none /tmp\n") << QStringList{missing}
        << here + "home/.cache";
}

void TestRuntimeExtract::in_the_next_place() {
    QFETCH(QByteArray, preparation);
    QFETCH(QStringList, environment);
    QFETCH(QByteArray, place);
    const Outcome outcome = room_.run({.ordinary = true,
                                       .fuse = Fuse::There,
                                       .preparation = preparation,
                                       .environment = environment},
                                      {image(), "--appimage-extract-and-run", "where"});
    QCOMPARE(outcome.err, "");
    QCOMPARE(outcome.status, 4);
    QVERIFY2(outcome.out.startsWith("700\n" + place + "/.mount_"), outcome.out.constData());
    QVERIFY(room_.gone(small_image));
}

void TestRuntimeExtract::where_programs_cannot_be_run() {
    // A mount has options of its own: there it doesn't matter.
    const Outcome outcome = room_.run({.ordinary = true,
                                       .preparation = "mount -t tmpfs -o noexec,mode=1777 none '" +
                                                      room_.path("tmp").toLocal8Bit() + "'\n"},
                                      {image(), "where"});
    QCOMPARE(outcome.err, "");
    QVERIFY(outcome.out.contains(room_.path("tmp/.mount_").toLocal8Bit()));
    QVERIFY(room_.gone(small_image));
}

void TestRuntimeExtract::with_nowhere_to_write() {
    for (const QStringList& way : {QStringList{}, QStringList{"--appimage-extract-and-run"}}) {
        const Outcome outcome =
            room_.run({.ordinary = true, .preparation = "mount -t tmpfs -o ro none /tmp\n"},
                      QStringList{"env", "-u", "HOME", "-u", "TMPDIR", image()} + way);
        QCOMPARE(outcome.status, 1);
        QVERIFY2(outcome.err.contains("/tmp: Read-only file system"), outcome.err.constData());
        QCOMPARE(outcome.err.count('\n'), 1);
    }
}

void TestRuntimeExtract::onto_a_full_disk() {
    const Host host{.ordinary = true,
                    .preparation = "mount -t tmpfs -o size=64k,mode=1777 none /tmp\n"};
    const QStringList elsewhere{"env", "-u", "HOME", "TMPDIR=/tmp"};
    const Outcome runs =
        room_.run(host, elsewhere + QStringList{image(), "--appimage-extract-and-run"});
    QCOMPARE(runs.status, 1);
    QVERIFY2(runs.err.contains("No space left"), runs.err.constData());
    QCOMPARE(runs.err.count('\n'), 1);
    const Outcome extracts =
        room_.run(host, {"sh", "-c", "cd /tmp && exec \"$0\" --appimage-extract", image()});
    QCOMPARE(extracts.status, 1);
    QVERIFY2(extracts.err.contains("No space left"), extracts.err.constData());
    QCOMPARE(extracts.err.count('\n'), 1);
    QVERIFY(room_.gone(small_image));
}

void TestRuntimeExtract::into_a_closed_pipe() {
    // The reader is gone before the first path is printed.
    const Outcome outcome = room_.run(
        {.ordinary = true},
        {"bash", "-c", "exec 3> >(exit); wait $!; exec \"$0\" --appimage-extract >&3", image()});
    QCOMPARE(outcome.err, "");
    QCOMPARE(outcome.status, 128 + SIGPIPE);
}

void TestRuntimeExtract::beyond_the_allowed_size() {
    const Outcome outcome =
        room_.run({.ordinary = true},
                  {"bash", "-c", "ulimit -f 64; exec \"$0\" --appimage-extract", image()});
    QCOMPARE(outcome.status, 1);
    QVERIFY2(outcome.err.contains("File size limit exceeded"), outcome.err.constData());
    QCOMPARE(outcome.err.count('\n'), 1);
}

QTEST_GUILESS_MAIN(TestRuntimeExtract)
#include "test_runtime_extract.moc"
