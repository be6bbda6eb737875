#include "tests/appimage/appimage_run.h"

#include <QCoreApplication>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>
#include <QStandardPaths>
#include <QtTest>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace coldscope::test {
namespace {

constexpr int patience_ms = 10'000;

// In a chroot the root is no mount, and its propagation can't be set. $1: preparation, $2: folder
// to start in, $3: user, then the command.
constexpr char host_script[] = R"(
eval "$1"
cd "$2" || exit 99
user=$3
shift 3
[ "$user" != 0 ] || exec "$@"
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@")";

[[nodiscard]] QString propagation() {
    static const bool settable =
        QProcess::execute("unshare", {"--mount", "--propagation", "private", "true"}) == 0;
    return settable ? "private" : "unchanged";
}

[[nodiscard]] QString runtime() {
    return QCoreApplication::applicationDirPath() + "/appimage-runtime";
}

} // namespace

AppImageRoom::AppImageRoom() : folder_("/var/tmp/coldscope-appimage-XXXXXX") {
    ::chmod(folder_.path().toLocal8Bit(), 0755);
    for (const char* name : {"tmp", "home", "host"}) {
        QDir(folder_.path()).mkdir(name);
        ::chmod(path(name).toLocal8Bit(), 01777);
    }
    ::mknod(path("host/fuse").toLocal8Bit(), S_IFCHR | 0666, makedev(10, 229));
    ::chmod(path("host/fuse").toLocal8Bit(), 0666);
    ::mknod(path("host/refused").toLocal8Bit(), S_IFCHR | 0600, makedev(10, 229));
}

QString AppImageRoom::obstacle() const {
    if (!QFile::exists(runtime()))
        return "there is no appimage-runtime: its libraries were missing when this was built";
    if (QStandardPaths::findExecutable("mksquashfs").isEmpty())
        return "mksquashfs is missing";
    if (::geteuid() != 0)
        return "needs root to make hosts' mount namespaces";
    return {};
}

void AppImageRoom::add(const QString& name, const QByteArray& content, int mode) const {
    const QString file = path("AppDir/" + name);
    QDir().mkpath(QFileInfo(file).path());
    QFile out(file);
    if (out.open(QIODevice::WriteOnly))
        out.write(content);
    out.close();
    ::chmod(file.toLocal8Bit(), mode_t(mode));
}

bool AppImageRoom::make(const QString& name) const {
    QProcess tool;
    tool.start("mksquashfs",
               {path("AppDir"), path("payload"), "-comp", "zstd", "-noappend", "-quiet",
                "-no-progress", "-all-root", "-mkfs-time", "0", "-all-time", "0"});
    if (!tool.waitForFinished(patience_ms) || tool.exitCode() != 0)
        return false;
    QFile program(runtime()), payload(path("payload")), out(path(name));
    if (!program.open(QIODevice::ReadOnly) || !payload.open(QIODevice::ReadOnly) ||
        !out.open(QIODevice::WriteOnly))
        return false;
    out.write(program.readAll());
    out.write(payload.readAll());
    out.close();
    return ::chmod(path(name).toLocal8Bit(), 0755) == 0;
}

std::unique_ptr<QProcess> AppImageRoom::start(const Host& host, const QStringList& command) const {
    QByteArray preparation = "mount --bind '" + path("host/fuse").toLocal8Bit() + "' /dev/fuse\n";
    if (host.fuse == Fuse::Refused)
        preparation.replace("host/fuse", "host/refused");
    // A file system without the node, in place of /dev.
    if (host.fuse == Fuse::Hidden)
        preparation = "d='" + path("host").toLocal8Bit() + R"(/dev'
mkdir -p "$d"
mount -t tmpfs none "$d"
cp -a /dev/null /dev/zero /dev/urandom "$d"
mount --move "$d" /dev
)";
    const QStringList environment = QStringList{"PATH=" + qEnvironmentVariable("PATH"),
                                                "HOME=" + path("home"), "TMPDIR=" + path("tmp")} +
                                    host.environment;
    auto process = std::make_unique<QProcess>();
    process->setEnvironment(environment);
    process->start("unshare", QStringList{"--mount", "--propagation", propagation(), "sh", "-c",
                                          host_script, "sh", preparation + host.preparation,
                                          path("home"), host.ordinary ? "65534" : "0"} +
                                  command);
    return process;
}

Outcome AppImageRoom::finish(QProcess& process) {
    return outcome_of(process, patience_ms);
}

Outcome AppImageRoom::run(const Host& host, const QStringList& command) const {
    return finish(*start(host, command));
}

QStringList AppImageRoom::left_folders() const {
    QStringList found;
    for (const QString& place : {path("tmp"), path("home"), path("home/.cache"), path("cache")})
        for (const QString& name : QDir(place).entryList({".mount_*"}, QDir::Dirs | QDir::Hidden))
            found += place + '/' + name;
    return found;
}

QList<int> AppImageRoom::processes(const QString& name) const {
    QList<int> found;
    for (const QString& entry : QDir("/proc").entryList(QDir::Dirs)) {
        const int pid = entry.toInt();
        const QFileInfo program("/proc/" + entry + "/exe");
        if (pid != 0 && program.symLinkTarget().startsWith(path(name)))
            found += pid;
    }
    return found;
}

bool AppImageRoom::gone(const QString& name) const {
    return QTest::qWaitFor([&] { return left_folders().isEmpty() && processes(name).isEmpty(); },
                           patience_ms);
}

void add_users() {
    QTest::addColumn<bool>("ordinary");
    QTest::newRow("root") << false;
    QTest::newRow("ordinary user") << true;
}

} // namespace coldscope::test
