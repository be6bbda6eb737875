// How the docks share the window. A larger window is for the timeline and the maps: the sides keep
// their widths as far as there is room, what is below keeps its share of the height, until the user
// drags their borders.
#pragma once

#include <QObject>
#include <QSize>
#include <QTimer>

class QDockWidget;
class QMainWindow;

namespace coldscope::app {

class DockSizes final : public QObject {
    Q_OBJECT

public:
    // The docks are there.
    explicit DockSizes(QMainWindow& window);

    // The sizes that the docks have at first, in the window as it is.
    void make_first();
    // The sizes that the docks have now.
    void keep();
    // What shows or hides above the docks is not the user's drag.
    void room_changes();

    bool eventFilter(QObject* object, QEvent* event) override;

private:
    [[nodiscard]] QDockWidget* dock(const char* name) const;
    // Docks that were moved elsewhere share as Qt has it.
    [[nodiscard]] bool in_place() const;
    [[nodiscard]] int border() const;
    void remember();
    void apply();
    void settle();

    QMainWindow& window_;
    QTimer timer_;
    int rounds_ = 0;
    QSize settled_; // the window's size when sizes were last shared; invalid: they are about to be
    int left_ = 0;
    int right_ = 0;
    double below_ = 0; // share of the window's height
};

} // namespace coldscope::app
