// The Sharing dock, in the window.
#include "app/sharing/sharing_view.h"
#include "app/views/file_dialogs.h"
#include "app/views/main_window.h"

#include <QDockWidget>
#include <QFileInfo>
#include <algorithm>

namespace coldscope::app {

namespace {

// Unless it is gone.
void set_folder(SharingView& view, const QString& image, const QString& folder) {
    const auto& entries = view.state().set().entries();
    if (const auto at = std::ranges::find(entries, image, &SharingSet::Entry::path);
        at != entries.end())
        view.set_folder(static_cast<std::size_t>(at - entries.begin()), folder);
}

} // namespace

QWidget* MainWindow::make_sharing() {
    auto* view = new SharingView(workspace_, this);
    connect(view, &SharingView::image_wanted, this, [this, view] {
        if (!workspace_.image())
            return;
        const QString path = choose_file(this, workspace_, tr("Add an image"),
                                         QString::fromStdString(workspace_.image()->path));
        if (!path.isEmpty())
            view->add_image(QFileInfo(path).absoluteFilePath());
    });
    connect(view, &SharingView::image_dropped, this, [this, view](const QString& path) {
        if (!in_own_mount(workspace_, path))
            view->add_image(path);
    });
    connect(view, &SharingView::folder_wanted, this, [this, view](const QString& image) {
        const QString path =
            choose_folder(this, workspace_, tr("Where the image is mounted"), image);
        if (!path.isEmpty())
            set_folder(*view, image, path);
    });
    return view;
}

void MainWindow::share_with(const QString& path, const QString& folder) {
    if (workspace_.opening()) { // after the docks are laid out
        const auto go_on = [this, path, folder] { share_with(path, folder); };
        connect(&workspace_, &Workspace::image_changed, this, go_on,
                static_cast<Qt::ConnectionType>(Qt::QueuedConnection | Qt::SingleShotConnection));
        return;
    }
    auto* sharing = qobject_cast<SharingView*>(view(QStringLiteral("sharing")));
    if (sharing == nullptr)
        return;
    dock("sharing")->show();
    dock("sharing")->raise();
    sharing->add_image(path);
    if (!folder.isEmpty())
        set_folder(*sharing, path, folder);
}

} // namespace coldscope::app
