// The timeline as it stands in its dock: controls, overview, canvas.
#pragma once

#include "app/run/workspace.h"

#include <QWidget>

class QButtonGroup;
class QComboBox;
class QLabel;
class QToolButton;

namespace coldscope::app {

class OverviewStrip;
class TimelineCanvas;

class TimelineView final : public QWidget {
    Q_OBJECT

public:
    explicit TimelineView(Workspace& workspace, QWidget* parent = nullptr);

    [[nodiscard]] TimelineCanvas& canvas() { return *canvas_; }
    [[nodiscard]] OverviewStrip& overview() { return *overview_; }

public Q_SLOTS:
    void zoom_in();
    void zoom_out();
    void show_all();
    void follow(bool on);

private:
    QWidget* make_controls();
    void update_state();
    void update_objects();

    Workspace& workspace_;
    TimelineCanvas* canvas_;
    OverviewStrip* overview_;
    QComboBox* by_ = nullptr;
    QLabel* by_label_ = nullptr;
    QComboBox* object_ = nullptr;
    QButtonGroup* mode_ = nullptr;
    QToolButton* follow_ = nullptr;
    QLabel* simulated_ = nullptr;
};

} // namespace coldscope::app
