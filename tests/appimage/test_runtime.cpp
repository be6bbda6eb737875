// The AppImage's runtime: mounts its payload, becomes its AppRun, and leaves nothing behind;
// without FUSE it does the same from extracted files.
#include "tests/appimage/appimage_run.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QtTest>
#include <algorithm>
#include <csignal>
#include <map>

#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope::test;

namespace {

constexpr char app_image[] = "a test, of it.AppImage"; // what mount options and shells split at
constexpr char app_run[] = R"(#!/bin/sh
action=$1
[ $# = 0 ] || shift
case $action in
exit) exit "$1" ;;
die) kill -"$1" $$ ;;
say) printf '<%s>' "$@"; exit 0 ;;
environment) env; exit 0 ;;
nested) "$@"; exit ;;
fds) ls /proc/$$/fd >"$1"; exit 0 ;;
wait) trap 'exit 5' TERM INT HUP; echo ready; while [ ! -e "$1" ]; do sleep 0.02; done
      cat "$APPDIR/usr/share/text"; exit ;;
child) mode=$1; shift; "$APPDIR/usr/bin/late" "$APPDIR/usr/share/text" "$1" "$2" $mode &
       exit 3 ;;
folder) stat -c '%a %T' "$APPDIR"; stat -f -c %T "$APPDIR"; echo "$APPDIR"; exit 4 ;;
esac
exit 98
)";

[[nodiscard]] QByteArray content_of(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

[[nodiscard]] QByteArray variable(const QByteArray& environment, const QByteArray& name) {
    for (const QByteArray& line : environment.split('\n'))
        if (line.startsWith(name + '='))
            return line.mid(name.size() + 1);
    return "(unset)";
}

} // namespace

class TestRuntime : public QObject {
    Q_OBJECT

    AppImageRoom room_;
    [[nodiscard]] QString image() const { return room_.path(app_image); }
    [[nodiscard]] bool may_trace(bool ordinary) const {
        const QStringList nothing{"strace", "-o", "/dev/null", "true"};
        return room_.run({.ordinary = ordinary}, nothing).status == 0;
    }

private Q_SLOTS:
    void initTestCase();
    void cleanup() { QFile::remove(room_.path("tmp/go")); }
    void exit_status_data();
    void exit_status();
    void the_callers_signals_are_kept();
    void arguments_data() { add_users(); }
    void arguments();
    void environment_data() { add_users(); }
    void environment();
    void earlier_values_are_kept();
    void signals_reach_the_program_data() { add_users(); }
    void signals_reach_the_program();
    void a_killed_program_leaves_nothing_data() { add_users(); }
    void a_killed_program_leaves_nothing();
    void killed_before_it_is_app_run_data() { add_users(); }
    void killed_before_it_is_app_run();
    void its_keeper_is_killed_data() { add_users(); }
    void its_keeper_is_killed();
    void a_child_keeps_the_mount_data();
    void a_child_keeps_the_mount();
    void the_serving_process_dies_data() { add_users(); }
    void the_serving_process_dies();
    void mounted_until_interrupted_data();
    void mounted_until_interrupted();
    void the_file_is_replaced_data() { add_users(); }
    void the_file_is_replaced();
    void descriptors_data() { add_users(); }
    void descriptors();
    void without_fuse_it_extracts_data();
    void without_fuse_it_extracts();
    void on_read_only_media();
    void options();
};

void TestRuntime::initTestCase() {
    if (const QString why = room_.obstacle(); !why.isEmpty())
        QSKIP(qPrintable(why));
    room_.add("AppRun", app_run, 0755);
    room_.add("usr/share/text", "kept\n");
    room_.add("usr/bin/late",
              content_of(QCoreApplication::applicationDirPath() + "/coldscope-late-reader"), 0755);
    QVERIFY(room_.make(app_image));
}

void TestRuntime::exit_status_data() {
    QTest::addColumn<bool>("ordinary");
    QTest::addColumn<QString>("way");
    QTest::addColumn<QStringList>("action");
    QTest::addColumn<int>("status");
    for (const bool ordinary : {false, true})
        for (const char* way : {"", "--appimage-extract-and-run"})
            for (const auto& [action, number, status] : {std::tuple{"exit", "0", 0},
                                                         {"exit", "7", 7},
                                                         {"exit", "255", 255},
                                                         {"die", "TERM", 128 + SIGTERM},
                                                         {"die", "KILL", 128 + SIGKILL},
                                                         {"die", "SEGV", 128 + SIGSEGV}})
                QTest::addRow("%s %s %s %s", ordinary ? "user" : "root", way, action, number)
                    << ordinary << QString(way) << QStringList{action, number} << status;
}

void TestRuntime::exit_status() {
    QFETCH(bool, ordinary);
    QFETCH(QString, way);
    QFETCH(QStringList, action);
    QFETCH(int, status);
    const Outcome outcome = room_.run(
        {.ordinary = ordinary},
        QStringList{image()} + (way.isEmpty() ? QStringList() : QStringList{way}) + action);
    QCOMPARE(outcome.status, status);
    QCOMPARE(outcome.err, "");
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::the_callers_signals_are_kept() {
    const QStringList ignoring{"env", "--ignore-signal=CHLD,USR1", "--block-signal=USR2"};
    const QStringList show{"sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"};
    const Outcome expected = room_.run({}, ignoring + show);
    QVERIFY(expected.out.contains("SigIgn"));
    for (const QStringList& way : {QStringList{}, QStringList{"--appimage-extract-and-run"}}) {
        const Outcome outcome =
            room_.run({}, ignoring + QStringList{image()} + way + QStringList{"nested"} + show);
        QCOMPARE(outcome.err, "");
        QCOMPARE(outcome.out, expected.out);
    }
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::arguments() {
    QFETCH(bool, ordinary);
    for (const QStringList& way : {QStringList{}, QStringList{"--appimage-extract-and-run"}}) {
        const Outcome outcome =
            room_.run({.ordinary = ordinary},
                      QStringList{image()} + way +
                          QStringList{"say", "a  b", "", "'\"$x\\", "--appimage-help"});
        QCOMPARE(outcome.out, "<a  b><><'\"$x\\><--appimage-help>");
        QCOMPARE(outcome.status, 0);
    }
}

void TestRuntime::environment() {
    QFETCH(bool, ordinary);
    const QString link = room_.path("home/coldscoped");
    QFile::remove(link);
    QVERIFY(QFile::link(image(), link));
    const QByteArray said = room_.run({.ordinary = ordinary}, {"./coldscoped", "environment"}).out;
    QCOMPARE(variable(said, "APPIMAGE"), image().toLocal8Bit());
    QCOMPARE(variable(said, "ARGV0"), "./coldscoped");
    QCOMPARE(variable(said, "OWD"), room_.path("home").toLocal8Bit());
    QVERIFY(
        variable(said, "APPDIR").startsWith((room_.path("tmp") + "/.mount_Coldsc").toLocal8Bit()));
    QVERIFY(!said.contains("COLDSCOPE_HOST_"));
    // Without HOME and PATH it is no other.
    const Outcome homeless = room_.run(
        {.ordinary = ordinary}, {"env", "-u", "HOME", "PATH=/nowhere", image(), "exit", "6"});
    QCOMPARE(homeless.status, 6);
    QCOMPARE(homeless.err, "");
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::earlier_values_are_kept() {
    const Outcome one =
        room_.run({.environment = {"APPDIR=/host's", "OWD=", "COLDSCOPE_HOST_ARGV0=stale"}},
                  {image(), "environment"});
    QCOMPARE(variable(one.out, "COLDSCOPE_HOST_APPDIR"), "/host's");
    QCOMPARE(variable(one.out, "COLDSCOPE_HOST_OWD"), "");
    QCOMPARE(variable(one.out, "COLDSCOPE_HOST_ARGV0"), "(unset)");
    QCOMPARE(variable(one.out, "COLDSCOPE_HOST_APPIMAGE"), "(unset)");
    // One that another has started: both are mounted at once.
    const Outcome nested = room_.run({}, {image(), "nested", image(), "environment"});
    QCOMPARE(nested.status, 0);
    const QByteArray inner = variable(nested.out, "APPDIR");
    const QByteArray outer = variable(nested.out, "COLDSCOPE_HOST_APPDIR");
    QVERIFY(inner.contains("/.mount_Coldsc") && outer.contains("/.mount_Coldsc"));
    QVERIFY(inner != outer);
    QCOMPARE(variable(nested.out, "COLDSCOPE_HOST_APPIMAGE"), image().toLocal8Bit());
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::signals_reach_the_program() {
    QFETCH(bool, ordinary);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        const auto program =
            room_.start({.ordinary = ordinary}, {image(), "wait", room_.path("tmp/go")});
        QVERIFY(program->waitForReadyRead());
        ::kill(pid_t(program->processId()), number);
        QCOMPARE(AppImageRoom::finish(*program).status, 5);
    }
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::a_killed_program_leaves_nothing() {
    QFETCH(bool, ordinary);
    for (const QStringList& way : {QStringList{}, QStringList{"--appimage-extract-and-run"}}) {
        const auto program =
            room_.start({.ordinary = ordinary},
                        QStringList{image()} + way + QStringList{"wait", room_.path("tmp/go")});
        QVERIFY(program->waitForReadyRead());
        QCOMPARE(room_.left_folders().size(), 1);
        ::kill(pid_t(program->processId()), SIGKILL);
        QCOMPARE(AppImageRoom::finish(*program).status, 128 + SIGKILL);
        QVERIFY(room_.gone(app_image));
    }
}

// At each of the system calls that main makes until it becomes AppRun.
void TestRuntime::killed_before_it_is_app_run() {
    QFETCH(bool, ordinary);
    if (!may_trace(ordinary))
        QSKIP("strace is missing, or may trace nothing");
    const QString calls = room_.path("tmp/calls");
    for (const QStringList& way : {QStringList{}, QStringList{"--appimage-extract-and-run"}}) {
        const auto traced = [&](const QString& option, const QString& log) {
            const QStringList strace{"strace", "--detach-on=execve", option, "-o", log, image()};
            return room_.run({.ordinary = ordinary}, strace + way + QStringList{"exit", "0"});
        };
        QFile::remove(calls);
        QCOMPARE(traced("--signal=none", calls).status, 0);
        QVERIFY(room_.gone(app_image));
        std::map<QByteArray, int> counts, killed;
        bool in_main = false;
        for (const QByteArray& line : content_of(calls).split('\n')) {
            const QByteArray name = line.left(line.indexOf('('));
            ++counts[name];
            in_main |= line.contains("\"/dev/null\"");
            if (!in_main || name.isEmpty() || name == "execve")
                continue;
            const QString inject = QString("--inject=%1:signal=KILL:when=%2")
                                       .arg(QString::fromLatin1(name))
                                       .arg(counts[name]);
            const int status = traced(inject, "/dev/null").status;
            if (status != 0) { // some calls come only now and then
                QCOMPARE(status, 128 + SIGKILL);
                ++killed[name];
            }
            QVERIFY2(room_.gone(app_image), qPrintable(inject));
        }
        for (const char* name : {"clone", "mkdir", "pipe2", "wait4", "write"})
            QVERIFY2(killed[name] > 0, name);
    }
}

void TestRuntime::its_keeper_is_killed() {
    QFETCH(bool, ordinary);
    if (!may_trace(ordinary))
        QSKIP("strace is missing, or may trace nothing");
    // It stands still where the folder has just been made.
    const auto program = room_.start(
        {.ordinary = ordinary}, {"strace", "-o", "/dev/null", "--detach-on=execve",
                                 "--inject=mkdir:delay_exit=2000000:when=1", image(), "exit", "0"});
    QTRY_COMPARE(room_.left_folders().size(), 1);
    for (const int pid : room_.processes(app_image))
        if (content_of(QString("/proc/%1/status").arg(pid)).contains("\nTracerPid:\t0\n"))
            ::kill(pid, SIGKILL);
    const Outcome outcome = AppImageRoom::finish(*program);
    QCOMPARE(outcome.status, 0);
    QVERIFY2(outcome.err.contains("runs from extracted files"), outcome.err.constData());
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::a_child_keeps_the_mount_data() {
    QTest::addColumn<bool>("ordinary");
    QTest::addColumn<QString>("mode");
    for (const bool ordinary : {false, true})
        for (const char* mode : {"", "close"})
            QTest::addRow("%s %s", ordinary ? "ordinary user" : "root",
                          *mode != '\0' ? "closes its descriptors" : "inherits")
                << ordinary << QString(mode);
}

void TestRuntime::a_child_keeps_the_mount() {
    QFETCH(bool, ordinary);
    QFETCH(QString, mode);
    const QString go = room_.path("tmp/go"), result = room_.path("tmp/result");
    QFile::remove(result);
    const auto program =
        room_.start({.ordinary = ordinary}, {"sh", "-c", R"("$0" "$@" >/dev/null 2>&1)", image(),
                                             "child", mode, go, result});
    QCOMPARE(AppImageRoom::finish(*program).status, 3);
    QTest::qWait(300); // some tries to unmount it
    QCOMPARE(room_.left_folders().size(), 1);
    QFile file(go);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QTRY_COMPARE(content_of(result), "kept\n");
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::the_serving_process_dies() {
    QFETCH(bool, ordinary);
    const QString go = room_.path("tmp/go");
    const auto program = room_.start({.ordinary = ordinary}, {image(), "wait", go});
    QVERIFY(program->waitForReadyRead());
    // The one whose parent is another of them.
    const QList<int> both = room_.processes(app_image);
    QCOMPARE(both.size(), 2);
    const auto parent = [](int pid) {
        return content_of(QString("/proc/%1/stat").arg(pid))
            .split(')')
            .last()
            .split(' ')[2]
            .toInt();
    };
    ::kill(parent(both[0]) == both[1] ? both[0] : both[1], SIGKILL);
    QFile file(go);
    QVERIFY(file.open(QIODevice::WriteOnly));
    const Outcome outcome = AppImageRoom::finish(*program);
    QCOMPARE(outcome.status, 1); // cat's
    // The second: what it was asked before its descriptors were closed.
    QVERIFY2(outcome.err.contains("not connected") || outcome.err.contains("connection abort"),
             outcome.err.constData());
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::mounted_until_interrupted_data() {
    QTest::addColumn<bool>("ordinary");
    QTest::addColumn<QString>("signal_name");
    for (const bool ordinary : {false, true})
        for (const char* name : {"INT", "TERM", "KILL"})
            QTest::addRow("%s %s", ordinary ? "ordinary user" : "root", name)
                << ordinary << QString(name);
}

void TestRuntime::mounted_until_interrupted() {
    QFETCH(bool, ordinary);
    QFETCH(QString, signal_name);
    const Outcome outcome = room_.run({.ordinary = ordinary}, {"bash", "-c", R"(
exec 3< <((echo $BASHPID; exec "$0" --appimage-mount) & wait $!; echo "status $?")
read -r pid <&3; read -r folder <&3
[ -d "$folder" ] && cat "$folder/usr/share/text"
kill -"$1" "$pid"; cat <&3)",
                                                               image(), signal_name});
    const QByteArray status = signal_name == "KILL" ? "137" : "0";
    QCOMPARE(outcome.out, "kept\nstatus " + status + '\n');
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::the_file_is_replaced() {
    QFETCH(bool, ordinary);
    const char* name = "short-lived.AppImage";
    QVERIFY(room_.make(name));
    const auto program =
        room_.start({.ordinary = ordinary}, {room_.path(name), "wait", room_.path("tmp/go")});
    QVERIFY(program->waitForReadyRead());
    QVERIFY(QFile::remove(room_.path(name)));
    QFile file(room_.path("tmp/go"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    const Outcome outcome = AppImageRoom::finish(*program);
    QCOMPARE(outcome.out, "ready\nkept\n");
    QCOMPARE(outcome.status, 0);
    QVERIFY(room_.gone(name));
}

void TestRuntime::descriptors() {
    QFETCH(bool, ordinary);
    const QString list = room_.path("tmp/list"), plain = room_.path("tmp/plain");
    for (const char* closed : {"", "<&- >&- 2>&-"}) {
        for (const QString& file : {list, plain})
            QFile::remove(file);
        const Outcome outcome = room_.run(
            {.ordinary = ordinary},
            {"sh", "-c", QString("\"$1\" fds \"$2\" %1; \"$3\" fds \"$4\" %1").arg(closed), "sh",
             room_.path("AppDir/AppRun"), plain, image(), list});
        QCOMPARE(outcome.status, 0);
        QVERIFY(!content_of(plain).isEmpty());
        // In the order of ls: "1000" comes after "10".
        QByteArrayList expected = content_of(plain).split('\n');
        expected += "1000";
        std::ranges::sort(expected);
        QByteArrayList got = content_of(list).split('\n');
        std::ranges::sort(got);
        QCOMPARE(got, expected);
    }
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::without_fuse_it_extracts_data() {
    QTest::addColumn<bool>("ordinary");
    QTest::addColumn<int>("fuse");
    QTest::addColumn<QByteArray>("preparation");
    QTest::addColumn<QByteArray>("why");
    const auto row = [](const char* name, bool ordinary, Fuse fuse, const char* preparation,
                        const char* why) {
        QTest::newRow(name) << ordinary << int(fuse) << QByteArray(preparation) << QByteArray(why);
    };
    row("root, no device", false, Fuse::Hidden, "", "device not found");
    row("ordinary user, no device", true, Fuse::Hidden, "", "device not found");
    row("ordinary user, refused", true, Fuse::Refused, "", "/dev/fuse: Permission denied");
    row("ordinary user, no fusermount3", true, Fuse::There,
        "mount --bind /dev/null \"$(command -v fusermount3)\"", "fusermount3");
    row("ordinary user, no /etc/mtab", true, Fuse::There,
        "users=$(cat /etc/passwd); mount -t tmpfs none /etc; echo \"$users\" >/etc/passwd",
        "without /etc/mtab");
}

void TestRuntime::without_fuse_it_extracts() {
    QFETCH(bool, ordinary);
    QFETCH(int, fuse);
    QFETCH(QByteArray, preparation);
    QFETCH(QByteArray, why);
    const Host host{.ordinary = ordinary, .fuse = Fuse(fuse), .preparation = preparation};
    const Outcome outcome = room_.run(host, {image(), "folder"});
    QCOMPARE(outcome.status, 4);
    QVERIFY(outcome.out.startsWith("700 "));
    QVERIFY2(outcome.err.contains(why), outcome.err.constData());
    QCOMPARE(outcome.err.count('\n'), 1);
    QVERIFY(room_.gone(app_image));
    const Outcome refused = room_.run(host, {image(), "--appimage-mount"});
    QCOMPARE(refused.status, 1);
    QVERIFY(refused.err.contains(why));
    QCOMPARE(refused.err.count('\n'), 1);
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::on_read_only_media() {
    const QByteArray room = room_.path("").toLocal8Bit();
    const QByteArray preparation =
        "mount --bind '" + room + "' '" + room + "'\nmount -o remount,bind,ro '" + room + "'\n";
    const Outcome outcome =
        room_.run({.ordinary = true, .preparation = preparation}, {image(), "folder"});
    QCOMPARE(outcome.status, 4);
    QCOMPARE(outcome.err, "");
    QVERIFY(outcome.out.contains("\n/tmp/.mount_Coldsc")); // TMPDIR can't be written to
    QVERIFY(room_.gone(app_image));
}

void TestRuntime::options() {
    const qint64 runtime =
        QFileInfo(QCoreApplication::applicationDirPath() + "/appimage-runtime").size();
    const Outcome offset = room_.run({}, {image(), "--appimage-offset"});
    QCOMPARE(offset.out.trimmed().toLongLong(), runtime);
    const QByteArray bytes = content_of(image());
    QCOMPARE(bytes.mid(8, 3), QByteArray("AI\x02"));
    QCOMPARE(bytes.mid(qsizetype(runtime), 4), "hsqs");
    QVERIFY(room_.run({}, {image(), "--appimage-version"}).out.contains("type 2"));
    QVERIFY(room_.run({}, {image(), "--appimage-help"}).out.contains("--appimage-extract"));
    const Outcome unknown = room_.run({}, {image(), "--appimage-portable-home"});
    QCOMPARE(unknown.status, 2);
    QCOMPARE(unknown.err.count('\n'), 1);
    // Only in front: behind, it's the program's.
    QCOMPARE(room_.run({}, {image(), "say", "--appimage-nonsense"}).out, "<--appimage-nonsense>");
}

QTEST_GUILESS_MAIN(TestRuntime)
#include "test_runtime.moc"
