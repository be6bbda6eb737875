#include "app/run/disk_watch.h"

#include <QFileInfo>

namespace coldscope::app {

DiskWatch::DiskWatch(Workspace& workspace, QObject* parent)
    : QObject(parent), workspace_(workspace) {
    connect(&workspace_, &Workspace::image_changed, this, &DiskWatch::watch);
    connect(&workspace_.host(), &RunHost::phase_changed, this, [this] {
        const RunHost::Phase phase = workspace_.host().phase();
        if (phase == RunHost::Phase::live || phase == RunHost::Phase::ended)
            watch();
    });
    connect(&watcher_, &QFileSystemWatcher::fileChanged, this, &DiskWatch::file_changed);
    connect(&watcher_, &QFileSystemWatcher::directoryChanged, this, &DiskWatch::folder_changed);
}

void DiskWatch::watch() {
    if (const QStringList files = watcher_.files(); !files.isEmpty())
        watcher_.removePaths(files);
    if (const QStringList folders = watcher_.directories(); !folders.isEmpty())
        watcher_.removePaths(folders);
    const auto& image = workspace_.shown();
    if (!image)
        return;
    watcher_.addPath(QString::fromStdString(image->path));
    for (const std::string& blob : image->device_paths) {
        if (!blob.empty())
            watcher_.addPath(QString::fromStdString(blob));
    }
    cache_told_ = false;
    if (workspace_.host().live() && workspace_.host().attachment() == nullptr)
        watcher_.addPath(QString::fromStdString(workspace_.host().options().cache));
}

void DiskWatch::file_changed(const QString& path) {
    const bool gone = !QFileInfo::exists(path);
    const bool live = workspace_.host().live();
    Q_EMIT changed(
        (gone ? tr("%1 was removed or replaced") : tr("%1 was changed on disk"))
            .arg(QFileInfo(path).fileName()),
        live
            ? tr("What is local stays right. Fetches of what is cold fail from now on, and their "
                 "readers get an error. Stop the run and start it again.")
            : tr("What is shown is the file as it was when it was opened. Open it again to see the "
                 "new one."));
    if (!gone)
        watcher_.addPath(path); // some writers replace the file, which ends the watch
}

void DiskWatch::folder_changed(const QString& path) {
    if (cache_told_ || QFileInfo::exists(path))
        return;
    cache_told_ = true;
    Q_EMIT changed(tr("The cache folder was removed"),
                   tr("%1 is gone. The run goes on with the files that it has open; the next run "
                      "starts cold.")
                       .arg(path));
}

} // namespace coldscope::app
