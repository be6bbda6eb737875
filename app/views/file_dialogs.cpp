#include "app/views/file_dialogs.h"

#include "app/run/demo.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QFileSystemModel>
#include <QSortFilterProxyModel>

namespace coldscope::app {

namespace {

QString mount_of(const Workspace& workspace) {
    const RunHost& host = workspace.host();
    return !host.standing() || host.simulated()
               ? QString()
               : QString::fromStdString(host.options().mount_point);
}

bool is_within(const QString& folder, const QString& path) {
    const QString clean = QDir::cleanPath(path);
    return !folder.isEmpty() && (clean == folder || clean.startsWith(folder + u'/'));
}

// Where nobody has files of their own: it may be gone with the AppImage.
QString demo_folder() {
    const QString image = demo_image();
    return image.isEmpty() ? QString() : QFileInfo(image).absolutePath();
}

// Leaves the mount out of the dialog's lists.
class WithoutMount final : public QSortFilterProxyModel {
public:
    WithoutMount(QString mount, QObject* parent)
        : QSortFilterProxyModel(parent), mount_(std::move(mount)) {}

protected:
    [[nodiscard]] bool filterAcceptsRow(int row, const QModelIndex& parent) const override {
        const QModelIndex index = sourceModel()->index(row, 0, parent);
        return !is_within(mount_, index.data(QFileSystemModel::FilePathRole).toString());
    }

private:
    QString mount_;
};

QString choose(QWidget* parent, const Workspace& workspace, const QString& title,
               const QString& beside, QFileDialog::FileMode mode) {
    const QString mount = mount_of(workspace);
    QString folder = beside.isEmpty() ? QDir::homePath() : QFileInfo(beside).absolutePath();
    if (is_within(mount, folder) || is_within(demo_folder(), folder))
        folder = QDir::homePath();
    QFileDialog dialog(parent, title, folder);
    dialog.setFileMode(mode);
    if (mode == QFileDialog::Directory)
        dialog.setOption(QFileDialog::ShowDirsOnly);
    if (!mount.isEmpty()) {
        dialog.setOption(QFileDialog::DontUseNativeDialog);
        dialog.setProxyModel(new WithoutMount(mount, &dialog));
    }
    if (dialog.exec() != QDialog::Accepted || dialog.selectedFiles().isEmpty())
        return {};
    const QString path = dialog.selectedFiles().first();
    return is_within(mount, path) ? QString() : path;
}

} // namespace

bool in_own_mount(const Workspace& workspace, const QString& path) {
    return is_within(mount_of(workspace), path);
}

QString choose_file(QWidget* parent, const Workspace& workspace, const QString& title,
                    const QString& beside) {
    return choose(parent, workspace, title, beside, QFileDialog::ExistingFile);
}

QString choose_folder(QWidget* parent, const Workspace& workspace, const QString& title,
                      const QString& beside) {
    return choose(parent, workspace, title, beside, QFileDialog::Directory);
}

} // namespace coldscope::app
