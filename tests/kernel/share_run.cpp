#include "tests/kernel/share_run.h"

#include <QDir>
#include <QProcess>
#include <cerrno>
#include <cstring>

#include <sys/mount.h>
#include <unistd.h>

namespace coldscope::test {

Said run_program(const QString& name, const QStringList& arguments) {
    QProcess process;
    process.start(name, arguments);
    const bool ended = process.waitForFinished(120000);
    return {ended && process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1,
            process.readAllStandardOutput(), process.readAllStandardError()};
}

Said share(QStringList arguments) {
    arguments.prepend("share");
    return run_program(program("coldscoped"), arguments);
}

qint64 number(const QJsonValue& value) {
    return static_cast<qint64>(value.toDouble());
}

QString mount_image(const TreeImage& image, const QString& folder, const QByteArray& more) {
    if (geteuid() != 0)
        return "only root may mount, and know what is resident";
    QDir().mkpath(folder);
    const QByteArray options = "device=" + image.blob.toLocal8Bit() + more;
    if (::mount(image.bootstrap.toLocal8Bit(), folder.toLocal8Bit(), "erofs",
                MS_RDONLY | MS_NOSUID | MS_NODEV, options.constData()) == 0)
        return {};
    return QString("the kernel mounts no image from a file here: ") + strerror(errno);
}

void unmount_all(const QString& folder) {
    for (const QString& name : QDir(folder).entryList(QDir::Dirs | QDir::NoDotAndDotDot)) {
        const QString at = folder + '/' + name;
        while (is_mounted(at) && umount2(at.toLocal8Bit(), MNT_DETACH) == 0) {
        }
    }
}

} // namespace coldscope::test
