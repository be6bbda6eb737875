#include "tests/appimage/bare_chroot.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QProcess>
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace coldscope::test {

namespace {

struct Node {
    const char* name;
    unsigned major, minor;
};
constexpr Node nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                          {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

// Once for the process. In a chroot the root is no mount, and its propagation can't be set; what
// is mounted below is private all the same.
bool have_own_namespace() {
    static const bool done = [] {
        if (::unshare(CLONE_NEWNS) != 0)
            return false;
        (void)::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        return true;
    }();
    return done;
}

QStringList mount_points_below(const QString& folder) {
    QStringList points;
    QFile file("/proc/self/mountinfo");
    if (!file.open(QIODevice::ReadOnly))
        return points;
    for (const QByteArray& line : file.readAll().split('\n')) {
        const QString point = QString::fromUtf8(line.split(' ').value(4));
        if (point == folder || point.startsWith(folder + '/'))
            points << point;
    }
    return points;
}

} // namespace

BareChroot::~BareChroot() {
    for (; !mounts_.isEmpty(); mounts_.removeLast())
        ::umount2(qPrintable(mounts_.last()), MNT_DETACH);
}

QString BareChroot::obstacle() {
    if (geteuid() != 0)
        return "only root can enter a chroot";
    QProcess script;
    script.start(COLDSCOPE_BARE_CHROOT, {suite_});
    if (!script.waitForFinished(600'000))
        return "making a bare " + suite_ + " takes too long";
    if (script.exitCode() != 0)
        return QString::fromUtf8(script.readAllStandardError().trimmed().split('\n').last());
    made_ = QString::fromUtf8(script.readAllStandardOutput().trimmed());
    return {};
}

bool BareChroot::mount(const QString& source, const QString& target, const char* type,
                       unsigned long flags, const char* options) {
    if (::mount(qPrintable(source), qPrintable(target), type, flags, options) != 0) {
        error_ = target + ": " + std::strerror(errno);
        return false;
    }
    if (mounts_.isEmpty() || mounts_.last() != target)
        mounts_ << target;
    return true;
}

bool BareChroot::open(const QString& shared, unsigned fuse_mode, QString* error) {
    const QString root = root_.path();
    const QString inside = root + shared;
    const bool ready =
        have_own_namespace() && mount(made_, root, nullptr, MS_BIND) &&
        mount("", root, nullptr, MS_PRIVATE) &&
        mount("", root, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY) &&
        mount("proc", root + "/proc", "proc", 0) && mount("sysfs", root + "/sys", "sysfs", 0) &&
        mount("dev", root + "/dev", "tmpfs", 0, "mode=0755") &&
        mount("run", root + "/run", "tmpfs", 0, "mode=0755") &&
        mount("tmp", root + "/tmp", "tmpfs", 0, "mode=1777") && QDir().mkpath(inside) &&
        // Shared, then bound: the two places are peers.
        mount(shared, shared, nullptr, MS_BIND) && mount("", shared, nullptr, MS_SHARED) &&
        mount(shared, inside, nullptr, MS_BIND);
    if (!ready) {
        *error = error_.isEmpty() ? QStringLiteral("no mount namespace") : error_;
        return false;
    }
    const auto make_node = [&](const char* name, unsigned mode, dev_t device) {
        const QString path = root + "/dev/" + name;
        return ::mknod(qPrintable(path), S_IFCHR | mode, device) == 0 &&
               ::chmod(qPrintable(path), mode) == 0;
    };
    bool made = fuse_mode == 0 || make_node("fuse", fuse_mode, makedev(10, 229));
    for (const Node& node : nodes)
        made = made && make_node(node.name, 0666, makedev(node.major, node.minor));
    if (!made)
        *error = "no devices can be made";
    return made;
}

QStringList BareChroot::entry(bool as_root, const QString& home) const {
    QStringList words = outside(home) << "/usr/sbin/chroot";
    if (!as_root)
        words << QString("--userspec=%1:%1").arg(ordinary_user) << "--groups=";
    return words << root_.path();
}

QStringList BareChroot::outside(const QString& home) {
    QStringList words{"/usr/bin/env", "-i",
                      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                      "LANG=C.UTF-8", "QT_QPA_PLATFORM=offscreen"};
    if (!home.isEmpty())
        words << "HOME=" + home;
    return words;
}

Outcome BareChroot::run(const QStringList& words) {
    QProcess process;
    process.setStandardInputFile(QProcess::nullDevice());
    process.start(words.front(), words.mid(1));
    return outcome_of(process, 120'000);
}

QList<qint64> BareChroot::processes() const {
    QList<qint64> found;
    for (const QString& name : QDir("/proc").entryList(QDir::Dirs)) {
        bool is_process = false;
        const qint64 pid = name.toLongLong(&is_process);
        if (is_process && QFile::symLinkTarget("/proc/" + name + "/root") == root_.path())
            found << pid;
    }
    return found;
}

QStringList BareChroot::left_mounted() const {
    QStringList left = mount_points_below(root_.path());
    for (const QString& own : mounts_)
        left.removeOne(own);
    return left;
}

} // namespace coldscope::test
