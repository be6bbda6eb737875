// The window as a picture, for documents and tests.
#pragma once

#include "app/views/main_window.h"

#include <QObject>
#include <QString>
#include <QTimer>

namespace coldscope::app {

// Shows no window, and has Qt say nothing about that; the desktop's scale and style are not taken.
// Before the application is made.
void prepare_screenshot();

// What a picture must not depend on: settings are neither read nor written, icons are the bundled
// ones, figures have English separators, no cursor blinks. After the application is made, before
// its first window.
void without_this_machine();

// Makes the window 1440 by 900 pixels, waits until nothing is being read or drawn anew, saves the
// picture and closes the window. Of a run that is: its readers have read all and its program has
// ended, or all that is open is held. What fails before that, the program's start among it, is said
// on standard error instead.
class Screenshot final : public QObject {
    Q_OBJECT

public:
    Screenshot(Workspace& workspace, MainWindow& window, QString picture);

    // The program's exit code.
    [[nodiscard]] int status() const { return status_; }

private:
    void look();
    [[nodiscard]] bool quiet() const;
    void end(const QString& error);

    Workspace& workspace_;
    MainWindow& window_;
    QString picture_;
    QTimer timer_;
    int quiet_looks_ = 0; // in a row
    int status_ = 1;      // until it is saved
};

} // namespace coldscope::app
