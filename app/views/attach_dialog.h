// Where the run is that the window shall be attached to.
#pragma once

#include "app/run/workspace.h"

#include <QDialog>

class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;

namespace coldscope::app {

class AttachDialog final : public QDialog {
    Q_OBJECT

public:
    explicit AttachDialog(Workspace& workspace, QWidget* parent = nullptr);
    [[nodiscard]] QString where() const;
    [[nodiscard]] QString copy() const; // of the image; may be empty

private:
    QWidget* copy_line();
    void look(); // whether it is an address, and if not, why

    Workspace& workspace_;
    QComboBox* where_;
    QLineEdit* copy_;
    QLabel* error_;
    QPushButton* attach_;
};

} // namespace coldscope::app
