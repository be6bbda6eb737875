// The window's acts: one QAction each, in menus, in the toolbar, with their keys. They are enabled
// by what the workspace can do now.
#pragma once

#include "app/run/launcher.h"

#include <QObject>

class QAction;
class QLabel;
class QMainWindow;
class QMenu;
class QToolBar;

namespace coldscope::app {

class WindowActions final : public QObject {
    Q_OBJECT

public:
    WindowActions(Workspace& workspace, Launcher& launcher, QMainWindow& window);

    QAction* open;
    QAction* compare;
    QAction* attach;
    QAction* detach;
    QAction* start;
    QAction* again;
    QAction* stop;
    QAction* hold_next;
    QAction* hold_all;
    QAction* release_all;
    QAction* release;
    QAction* delay;
    QAction* fail;
    QAction* clear_rules;
    QAction* prefetch_all;
    QAction* prefetch_stop;
    QAction* copy;
    QAction* find_file;
    QAction* filter;
    QAction* back;
    QAction* forward;
    QAction* reset_layout;
    QAction* full_screen;
    QAction* quit;
    QAction* demo;
    QAction* keys;
    QAction* about;

    // Menus in which the window puts its own: recent images, docks.
    QMenu* recent_menu;
    QMenu* docks_menu;
    // How far a miss is widened: one action for each size, of which one is checked.
    QMenu* amplify_menu;

private:
    void fill_amplify_menu();
    void check_amplify(std::uint64_t size);
    QAction* add(const char* picture, const QString& text, const QKeySequence& key,
                 const QString& what);
    void fill_menus();
    void fill_toolbar();
    void connect_steering();
    void look(); // what is possible now
    // Those that wait among the chosen, else the one that waits longest.
    [[nodiscard]] std::vector<Row> meant() const;

    Workspace& workspace_;
    Launcher& launcher_;
    QMainWindow& window_;
    QLabel* transport_;
};

} // namespace coldscope::app
