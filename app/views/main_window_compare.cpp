// Comparing the open image with another, in the window.
#include "app/compare/compare_view.h"
#include "app/views/file_dialogs.h"
#include "app/views/main_window.h"
#include "app/views/window_actions.h"

#include <QAction>
#include <QDockWidget>
#include <QFileInfo>

namespace coldscope::app {

void MainWindow::connect_comparing() {
    connect(actions_->compare, &QAction::triggered, this, [this] {
        const QString path = choose_file(this, workspace_, tr("Compare with an image"),
                                         QString::fromStdString(workspace_.image()->path));
        if (!path.isEmpty())
            compare_with(QFileInfo(path).absoluteFilePath());
    });
}

void MainWindow::compare_with(const QString& path) {
    if (workspace_.opening()) { // after the docks are laid out
        const auto go_on = [this, path] { compare_with(path); };
        connect(&workspace_, &Workspace::image_changed, this, go_on,
                static_cast<Qt::ConnectionType>(Qt::QueuedConnection | Qt::SingleShotConnection));
        return;
    }
    auto* compare = qobject_cast<CompareView*>(view(QStringLiteral("compare")));
    if (compare == nullptr)
        return;
    dock("compare")->show();
    dock("compare")->raise();
    compare->start(path);
}

} // namespace coldscope::app
