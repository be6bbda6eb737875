// The real window in this process, with settings of its own, driven as a person would.
#pragma once

#include "app/run/launcher.h"
#include "app/views/main_window.h"
#include "tests/kernel/live_run.h"

#include <QString>
#include <QTemporaryDir>
#include <functional>
#include <memory>
#include <vector>

class QAbstractButton;
class QDialog;
class QTableView;

namespace coldscope::test {

class WindowFixture {
public:
    WindowFixture();
    ~WindowFixture(); // ends the run

    // Through the start dialog: fills it in and presses Start; true when the run is live.
    [[nodiscard]] bool start(const TreeImage& image, const QString& transport,
                             const QString& latency = QStringLiteral("2ms"));
    // Through the attach dialog, which `look` sees filled in. What comes of it is not waited for.
    void attach(const QString& where, const QString& copy = {},
                const std::function<void(QDialog&)>& look = {});
    // Presses Stop and waits for the end.
    [[nodiscard]] bool stop();

    [[nodiscard]] QString mount() const;
    // Waits until so many requests are held.
    [[nodiscard]] bool wait_held(std::size_t count, int timeout_ms = 10000);
    [[nodiscard]] std::size_t held();

    // The toolbar's button of an action, pressed with the mouse.
    void press(QAction* action);
    // A button in a view, by the beginning of its text; null if there is none that is visible.
    [[nodiscard]] QAbstractButton* button(const QString& view, const QString& text);
    // Shows the view's dock as a click on its tab does.
    void raise(const QString& view);
    [[nodiscard]] QTableView* table(const QString& view);
    // Does this to the next modal dialog, while another call shows it.
    static void on_dialog(const std::function<void(QDialog&)>& act);
    // Pixels of a colour in what a view shows.
    [[nodiscard]] int pixels(const QString& view, const QColor& colour);

    app::Workspace workspace;
    app::Launcher launcher;
    std::unique_ptr<app::MainWindow> window;

private:
    QTemporaryDir settings_;
};

// Files of at least a page, in order of name.
[[nodiscard]] std::vector<QString> files_of(const TreeImage& image, std::size_t count,
                                            qint64 least = 4096);

} // namespace coldscope::test
