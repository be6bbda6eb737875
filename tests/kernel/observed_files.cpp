#include "tests/kernel/observed_files.h"

#include "core/base/fd.h"
#include "tests/kernel/live_run.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace coldscope::test {

Mounted::Mounted(const QString& source, const QString& folder, const char* type,
                 unsigned long flags, const QString& options)
    : folder_(folder.toStdString()) {
    QDir().mkpath(folder);
    if (::mount(source.toUtf8(), folder_.c_str(), type, flags, options.toUtf8()) != 0)
        error_ = errno;
}

Mounted::~Mounted() {
    if (error_ == 0)
        umount2(folder_.c_str(), MNT_DETACH);
}

bool read_range(const QString& file, std::int64_t offset, std::int64_t length) {
    const Fd fd(::open(file.toUtf8(), O_RDONLY | O_CLOEXEC));
    if (!fd || posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM) != 0)
        return false;
    std::vector<char> bytes(64 * 1024);
    while (length > 0) {
        const ssize_t got =
            pread(fd.get(), bytes.data(), std::min<std::size_t>(bytes.size(), length), offset);
        if (got <= 0)
            return got == 0;
        offset += got;
        length -= got;
    }
    return true;
}

bool read_all(const QString& file) {
    return read_range(file, 0, std::int64_t{1} << 40);
}

bool evict(const QString& file) {
    const Fd fd(::open(file.toUtf8(), O_RDONLY | O_CLOEXEC));
    if (fd)
        (void)fsync(fd.get()); // where it can be written
    return fd && posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED) == 0;
}

Frames probed(const QString& file) {
    QProcess probe;
    probe.start(program("coldscope-page-probe"), {file});
    if (!probe.waitForFinished(60000) || probe.exitCode() != 0)
        qFatal("page_probe: %s", probe.readAllStandardError().constData());
    Frames frames;
    for (const QByteArray& line : probe.readAllStandardOutput().split('\n')) {
        const QList<QByteArray> words = line.split(' ');
        if (words.size() == 2)
            frames[words[0].toULongLong()] = words[1].toULongLong();
    }
    return frames;
}

sharing::Sample seen(const std::vector<Watched>& watched) {
    std::vector<std::string> folders;
    for (const Watched& one : watched)
        folders.push_back(one.folder);
    auto observer = Observer::start(folders, guard::Rights::own);
    if (!observer)
        qFatal("%s", describe(observer.error()).c_str());
    auto sample = (*observer)->sample(watched);
    if (!sample)
        qFatal("%s", describe(sample.error()).c_str());
    return std::move(*sample);
}

Frames frames_of(const sharing::Sample& sample, std::size_t file) {
    Frames frames;
    for (const sharing::SeenRun& run : sample.runs_of(sample.files[file])) {
        const auto numbers = sample.frames_of(run);
        for (std::size_t i = 0; i < numbers.size(); ++i)
            frames[run.page + i] = numbers[i];
    }
    return frames;
}

} // namespace coldscope::test
