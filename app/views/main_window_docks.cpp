// The window's docks. All are there at once, where they belong; what they show is made one view in
// each turn of the event loop, so that the window goes on meanwhile.
#include "app/charts/charts_view.h"
#include "app/compare/compare_view.h"
#include "app/detail/file_preview.h"
#include "app/detail/request_detail.h"
#include "app/maps/blob_map.h"
#include "app/maps/chunk_map.h"
#include "app/tables/findings_view.h"
#include "app/tables/held_view.h"
#include "app/tables/image_tree_view.h"
#include "app/tables/request_table.h"
#include "app/timeline/timeline_canvas.h"
#include "app/timeline/timeline_view.h"
#include "app/views/dock_sizes.h"
#include "app/views/main_window.h"
#include "app/views/output_view.h"
#include "app/views/welcome.h"
#include "app/views/window_actions.h"

#include <QAction>
#include <QDockWidget>
#include <QMenu>
#include <QSettings>
#include <QTimer>
#include <algorithm>

namespace coldscope::app {

namespace {

constexpr int layout_version = 4; // of the docks: another one is not restored

void bring_up(QDockWidget* dock) {
    dock->show();
    dock->raise();
}

// Follows a view's count with the dock's title.
auto counted(QDockWidget* dock) {
    return [dock, title = dock->windowTitle()](int count) {
        dock->setWindowTitle(count == 0 ? title : MainWindow::tr("%1 (%2)").arg(title).arg(count));
    };
}

} // namespace

QDockWidget* MainWindow::add_dock(const QString& name, const QString& title,
                                  std::function<QWidget*()> make) {
    auto* dock = new QDockWidget(title, this);
    dock->setObjectName(name);
    actions_->docks_menu->addAction(dock->toggleViewAction());
    docks_.push_back(dock);
    to_make_.push_back({dock, std::move(make)});
    return dock;
}

template <typename View>
QDockWidget* MainWindow::add_view(const char* name, const QString& title) {
    return add_dock(QLatin1String(name), title, [this] { return new View(workspace_, this); });
}

// In the order in which they are made.
void MainWindow::make_docks() {
    QDockWidget* tree = add_view<ImageTreeView>("image", tr("Image"));
    QDockWidget* timeline = add_view<TimelineView>("timeline", tr("Timeline"));
    add_view<BlobMap>("blob-map", tr("Blob map"));
    add_view<RequestDetail>("request", tr("Request"));
    QDockWidget* requests = add_dock(QStringLiteral("requests"), tr("Requests"), [this, timeline] {
        auto* view = new RequestTable(workspace_, this);
        view->restore_state(QSettings().value(QStringLiteral("window/requests")).toByteArray());
        connect(view, &RequestTable::zoom_wanted, this, [this, timeline](Row row) {
            bring_up(timeline);
            view_in<TimelineView>(timeline)->canvas().zoom_to(row);
        });
        return view;
    });
    add_view<ChunkMap>("chunk-map", tr("Chunk map"));
    add_dock(QStringLiteral("sharing"), tr("Sharing"), [this] { return make_sharing(); });
    add_dock(QStringLiteral("held"), tr("Held"), [this] {
        auto* view = new HeldView(workspace_, this);
        connect(view, &HeldView::count_changed, this, counted(dock("held")));
        return view;
    });
    add_view<ChartsView>("charts", tr("Charts"));
    add_dock(QStringLiteral("findings"), tr("Findings"), [this] {
        auto* view = new FindingsView(workspace_, this);
        const auto tell = counted(dock("findings"));
        connect(view, &FindingsView::count_changed, this, tell);
        tell(view->count());
        return view;
    });
    add_dock(QStringLiteral("compare"), tr("Compare"), [this] {
        auto* view = new CompareView(workspace_, this);
        connect(view, &CompareView::compare_wanted, actions_->compare, &QAction::trigger);
        return view;
    });
    add_view<FilePreview>("preview", tr("Preview"));
    add_view<OutputView>("output", tr("Output"));

    connect(actions_->find_file, &QAction::triggered, this, [this, tree] {
        bring_up(tree);
        view_in<ImageTreeView>(tree)->find_file();
    });
    connect(actions_->filter, &QAction::triggered, this, [this, requests] {
        bring_up(requests);
        view_in<RequestTable>(requests)->focus_filter();
    });
    for (QAction* action : {actions_->copy, actions_->find_file, actions_->filter})
        action->setEnabled(true);
}

QDockWidget* MainWindow::dock(const char* name) const {
    const auto at = std::ranges::find(docks_, QLatin1String(name), &QObject::objectName);
    return at == docks_.end() ? nullptr : *at;
}

QWidget* MainWindow::view(const QString& name) {
    QDockWidget* at = dock(name.toLatin1().constData());
    if (at != nullptr)
        make_view(*at);
    return at == nullptr ? nullptr : at->widget();
}

template <typename View>
View* MainWindow::view_in(QDockWidget* dock) {
    make_view(*dock);
    return qobject_cast<View*>(dock->widget());
}

void MainWindow::make_view(QDockWidget& dock) {
    const auto at = std::ranges::find(to_make_, &dock, &ToMake::dock);
    if (at == to_make_.end())
        return;
    const auto make = std::move(at->make);
    to_make_.erase(at);
    dock.setWidget(make());
}

void MainWindow::make_all_views() {
    while (!to_make_.empty())
        make_view(*to_make_.front().dock);
}

void MainWindow::make_next_view() {
    if (!to_make_.empty())
        make_view(*to_make_.front().dock);
    if (!to_make_.empty())
        QTimer::singleShot(0, this, &MainWindow::make_next_view);
}

void MainWindow::lay_out() {
    setCorner(Qt::BottomLeftCorner, Qt::BottomDockWidgetArea);
    setCorner(Qt::BottomRightCorner, Qt::BottomDockWidgetArea);
    for (QDockWidget* each : docks_) {
        each->setFloating(false);
        each->show();
    }
    addDockWidget(Qt::LeftDockWidgetArea, dock("image"));
    addDockWidget(Qt::RightDockWidgetArea, dock("timeline"));
    splitDockWidget(dock("timeline"), dock("request"), Qt::Horizontal);
    splitDockWidget(dock("timeline"), dock("blob-map"), Qt::Vertical);
    tabifyDockWidget(dock("blob-map"), dock("chunk-map"));
    tabifyDockWidget(dock("chunk-map"), dock("sharing"));
    addDockWidget(Qt::BottomDockWidgetArea, dock("requests"));
    for (const char* name : {"held", "charts", "findings", "compare", "preview", "output"})
        tabifyDockWidget(dock("requests"), dock(name));
    dock("blob-map")->raise();
    dock("requests")->raise();
    QTimer::singleShot(0, this, [this] {
        resizeDocks({dock("timeline"), dock("blob-map")}, {380, 190}, Qt::Vertical);
    });
    if (sizes_ == nullptr)
        sizes_ = new DockSizes(*this);
    else
        sizes_->make_first();
}

// Without an image there is nothing to show but what can be done; the first one brings the docks.
void MainWindow::show_docks() {
    if (!docks_.empty())
        return;
    make_docks();
    delete takeCentralWidget();
    welcome_ = nullptr;
    lay_out();
    if (const QByteArray state = QSettings().value(QStringLiteral("window/docks")).toByteArray();
        !state.isEmpty())
        QTimer::singleShot(0, this, [this, state] {
            if (restoreState(state, layout_version))
                sizes_->keep();
            show_wide_bars(); // as they are now, not as they were then
        });
    actions_->docks_menu->setEnabled(true);
    actions_->reset_layout->setEnabled(true);
    const RunHost::Phase phase = workspace_.host().phase();
    if (phase != RunHost::Phase::none && phase != RunHost::Phase::ended)
        make_all_views();
    else
        make_next_view(); // the tree
}

void MainWindow::save_layout() const {
    QSettings settings;
    settings.setValue(QStringLiteral("window/geometry"), saveGeometry());
    if (docks_.empty())
        return;
    settings.setValue(QStringLiteral("window/docks"), saveState(layout_version));
    // Null when the window goes before it was made.
    if (const auto* requests = qobject_cast<RequestTable*>(dock("requests")->widget()))
        settings.setValue(QStringLiteral("window/requests"), requests->save_state());
}

} // namespace coldscope::app
