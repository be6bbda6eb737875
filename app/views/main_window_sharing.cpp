// The Sharing dock, in the window.
#include "app/sharing/sharing_view.h"
#include "app/views/file_dialogs.h"
#include "app/views/main_window.h"

#include <QDockWidget>
#include <QFileInfo>
#include <algorithm>

namespace coldscope::app {

QWidget* MainWindow::make_sharing() {
    auto* view = new SharingView(workspace_, this);
    connect(view, &SharingView::image_wanted, this, [this, view] {
        const QString path = choose_file(this, workspace_, tr("Add an image"),
                                         QString::fromStdString(workspace_.image()->path));
        if (!path.isEmpty())
            view->add_image(QFileInfo(path).absoluteFilePath());
    });
    connect(view, &SharingView::folder_wanted, this, [this, view](std::size_t image) {
        const QString path = choose_folder(this, workspace_, tr("Where the image is mounted"),
                                           view->state().set().entries()[image].path);
        if (!path.isEmpty())
            view->set_folder(image, path);
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
    const auto& entries = sharing->state().set().entries();
    const auto added = std::ranges::find(entries, path, &SharingSet::Entry::path);
    if (!folder.isEmpty() && added != entries.end())
        sharing->set_folder(static_cast<std::size_t>(added - entries.begin()), folder);
}

} // namespace coldscope::app
