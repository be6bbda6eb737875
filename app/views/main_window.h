// The window: docks around what an image and its run have to show, the acts on them, messages, one
// line of figures. Closing it ends the run first.
#pragma once

#include "app/run/attacher.h"
#include "app/run/launcher.h"

#include <QMainWindow>
#include <functional>
#include <vector>

class QDockWidget;
class QToolBar;

namespace coldscope::app {

class DiskWatch;
class DockSizes;
class MessageBar;
class RootPanel;
class StatusLine;
class Welcome;
class WindowActions;

class MainWindow final : public QMainWindow {
    Q_OBJECT

public:
    explicit MainWindow(Workspace& workspace, Launcher& launcher, QWidget* parent = nullptr);
    ~MainWindow() override;

    // By file or folder: "Open image…", a dropped file, the command line.
    void open_image(const QString& path, const QStringList& devices = {});
    // With the image that is open or being opened.
    void compare_with(const QString& path);
    // Likewise; the Sharing dock comes up. folder: where it is mounted; empty: that is looked up.
    void share_with(const QString& path, const QString& folder = {});
    void start_run(const Choice& choice);
    // As Attacher::attach(); not while a run is on.
    void attach(const QString& where, const QString& copy = {});
    // See demo.h. steering: as in Choice.
    void run_demo(const QStringList& steering = {});

    // Every view is there, or none will be before an image is opened.
    [[nodiscard]] bool complete() const { return to_make_.empty(); }
    [[nodiscard]] MessageBar& messages() { return *messages_; }
    [[nodiscard]] WindowActions& actions() { return *actions_; }
    // The widget of a dock, by the dock's object name: "timeline", "requests", ... Null before an
    // image was opened.
    [[nodiscard]] QWidget* view(const QString& name);

protected:
    void closeEvent(QCloseEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    // `make`: what it shows, when its turn comes.
    QDockWidget* add_dock(const QString& name, const QString& title,
                          std::function<QWidget*()> make);
    template <typename View>
    QDockWidget* add_view(const char* name, const QString& title);
    [[nodiscard]] QDockWidget* dock(const char* name) const;
    template <typename View>
    [[nodiscard]] View* view_in(QDockWidget* dock);
    void make_docks();
    void make_view(QDockWidget& dock); // unless it is there
    void make_all_views();
    void make_next_view(); // and the others in the next turns
    void connect_comparing();
    [[nodiscard]] QWidget* make_sharing();
    void lay_out(); // as at first
    void connect_all();
    void show_docks();
    void show_title();
    [[nodiscard]] QToolBar* add_wide_bar(QWidget& widget, const QString& name,
                                         const QString& title); // hidden
    void show_wide_bars();                                      // those that have something to show
    void fill_recent();
    void ask_and_start();
    void ask_and_attach();
    void connect_attaching();
    [[nodiscard]] bool run_is_on(); // then that is said, and what is wanted not done
    void save_layout() const;

    Workspace& workspace_;
    Launcher& launcher_;
    std::unique_ptr<Attacher> attacher_;
    std::vector<QDockWidget*> docks_;
    struct ToMake {
        QDockWidget* dock;
        std::function<QWidget*()> make;
    };
    std::vector<ToMake> to_make_; // the first is next
    Welcome* welcome_ = nullptr;  // until an image was opened
    MessageBar* messages_ = nullptr;
    QToolBar* messages_bar_ = nullptr;
    RootPanel* root_panel_ = nullptr; // of the run that is starting
    QToolBar* root_bar_ = nullptr;
    StatusLine* figures_ = nullptr;
    WindowActions* actions_ = nullptr;
    DiskWatch* disk_ = nullptr;
    DockSizes* sizes_ = nullptr; // with the docks
    bool unlinked_ = false;      // was said
    bool closing_ = false;       // when the run has ended
};

} // namespace coldscope::app
