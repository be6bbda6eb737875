// What the program in the mount prints, and how it ended; with a field for the next one.
#pragma once

#include "app/run/workspace.h"

#include <QWidget>

class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;

namespace coldscope::app {

class OutputView final : public QWidget {
    Q_OBJECT

public:
    explicit OutputView(Workspace& workspace, QWidget* parent = nullptr);

private:
    void run_command();
    void look();

    Workspace& workspace_;
    QPlainTextEdit* text_;
    QLineEdit* command_;
    QPushButton* start_;
    QPushButton* end_;
    QLabel* state_;
    int exit_code_ = -1; // of the last one
};

} // namespace coldscope::app
