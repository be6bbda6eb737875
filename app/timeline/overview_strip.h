// The whole run on a strip, with a brush over the part that the canvas shows.
#pragma once

#include "app/run/workspace.h"
#include "app/timeline/time_scale.h"
#include "core/request/overview.h"

#include <QWidget>
#include <vector>

namespace coldscope::app {

class TimelineCanvas;

class OverviewStrip final : public QWidget {
    Q_OBJECT

public:
    // The canvas must outlive it, or go together with it.
    OverviewStrip(Workspace& workspace, TimelineCanvas& canvas, QWidget* parent = nullptr);

    // Where the brush is, logical pixels.
    [[nodiscard]] QRectF brush() const;
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    enum class Grip : unsigned char { none, left, right, all };

    void advance();
    [[nodiscard]] Grip grip_at(double x) const;
    [[nodiscard]] Nanoseconds time_at(double x) const;
    [[nodiscard]] double x_of(Nanoseconds time) const;
    void centre_at(double x);

    Workspace& workspace_;
    TimelineCanvas& canvas_;
    Overview overview_;
    std::vector<OverviewCell> cells_;
    TimeLimits cells_of_; // what cells_ stand for
    bool stale_ = true;
    Grip grip_ = Grip::none;
    Nanoseconds held_at_ = 0; // the brush, from its begin to where it was taken
    TimeLimits pressed_;      // the brush as it was then
};

} // namespace coldscope::app
