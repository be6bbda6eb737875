// Says when what a run stands on changes on disk beneath it: the image, a blob, the cache folder.
#pragma once

#include "app/run/workspace.h"

#include <QFileSystemWatcher>
#include <QObject>

namespace coldscope::app {

class DiskWatch final : public QObject {
    Q_OBJECT

public:
    explicit DiskWatch(Workspace& workspace, QObject* parent = nullptr);

Q_SIGNALS:
    void changed(const QString& title, const QString& text);

private:
    void watch();
    void file_changed(const QString& path);
    void folder_changed(const QString& path);

    Workspace& workspace_;
    QFileSystemWatcher watcher_;
    bool cache_told_ = false;
};

} // namespace coldscope::app
