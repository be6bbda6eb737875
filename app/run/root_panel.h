// A question for root's rights, as the window shows it while it is open: what will run as root and
// what for, whether a password is waited for or a command by hand, and Cancel.
#pragma once

#include "app/run/root_asker.h"

#include <QFrame>
#include <QPlainTextEdit>

class QLabel;
class QPushButton;

namespace coldscope::app {

// A shell's command, whole: as many lines as its width needs, to select and copy from.
class CommandField final : public QPlainTextEdit {
public:
    explicit CommandField(QWidget* parent = nullptr);
    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;
};

class RootPanel final : public QFrame {
    Q_OBJECT

public:
    explicit RootPanel(RootAsker& asker, QWidget* parent = nullptr);
    [[nodiscard]] QSize sizeHint() const override;

Q_SIGNALS:
    void shown(bool open); // there is something to show: whose it is shows or hides it

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void show_state();
    void show_picture(); // in the theme's colours
    [[nodiscard]] QLabel* label();

    RootAsker& asker_;
    QLabel* picture_;
    QLabel* title_;
    CommandField* command_;
    QPushButton* copy_;
    QLabel* what_; // will happen
    QPushButton* cancel_;
};

} // namespace coldscope::app
