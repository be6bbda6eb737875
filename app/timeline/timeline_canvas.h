// Ruler, labels and lanes of the run, and all that a pointer and a keyboard do there.
#pragma once

#include "app/run/workspace.h"
#include "app/timeline/offset_painter.h"
#include "app/timeline/timeline_frame.h"

#include <QAbstractScrollArea>
#include <QTimer>
#include <map>
#include <optional>
#include <vector>

namespace coldscope::app {

class TimelineCanvas final : public QAbstractScrollArea {
    Q_OBJECT

public:
    enum class Mode : unsigned char { time, offset };

    explicit TimelineCanvas(Workspace& workspace, QWidget* parent = nullptr);

    void set_grouping(Grouping grouping);
    [[nodiscard]] Grouping grouping() const { return model_.grouping(); }
    [[nodiscard]] const LaneModel& model() const { return model_; }

    // Lanes, or the offsets in one object, over time.
    void set_mode(Mode mode);
    [[nodiscard]] Mode mode() const { return mode_; }
    // Whose offsets are shown: the one that was set; else that of the chosen request; else the
    // first.
    void set_object(ObjectId object);
    [[nodiscard]] ObjectId object() const { return object_; }
    // Those that were asked for so far.
    [[nodiscard]] std::vector<ObjectId> objects() const;

    // What is seen now, and how far it can go.
    [[nodiscard]] const TimeScale& scale() const { return scale_; }
    [[nodiscard]] TimeLimits limits() const;
    // Of the ruler: when the run began.
    [[nodiscard]] Nanoseconds origin() const;
    [[nodiscard]] Nanoseconds now() const;

    // A user's acts: each leaves the present, where it looks elsewhere.
    void show_span(Nanoseconds begin, Nanoseconds end);
    void show_all();
    void zoom(double factor); // of the time in the window; below 1: closer. At the centre or at now
    void zoom_at(double factor, double x); // x: logical, in the plot
    void pan(std::int64_t columns);
    void zoom_to(Row request);

    // The right edge is now.
    [[nodiscard]] bool following() const { return following_; }
    void follow(bool on);

    // The request at a point of the viewport, or close to it.
    [[nodiscard]] std::optional<Row> request_at(const QPoint& point) const;
    // Where a request is, in the viewport (logical); nothing when it is not in the window.
    [[nodiscard]] std::optional<QRectF> rect_of(Row request) const;
    [[nodiscard]] QRect plot() const { return frame_.plot(); }

Q_SIGNALS:
    void view_changed(); // scale() is another, or limits() are
    void follow_changed(bool on);
    void objects_changed(); // objects() or object() are others

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    bool viewportEvent(QEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    enum class Drag : unsigned char { none, pressed, panning, spanning };

    // Data and view.
    void begin();
    void advance();
    void tick();
    void phase_changed();
    void refresh(); // brings in what happened while hidden
    void lay_out();
    [[nodiscard]] TimeLimits reach() const; // limits(), and at a run's begin some time before it
    void look_at(const TimeScale& scale);   // without follow and memory
    void user_looks_at(const TimeScale& scale, bool stays_now = false);
    void follow_now();
    void remember();
    void selection_changed();
    void reveal(Row request);
    void repaint_lanes();

    // The object of the offsets.
    void note_objects();
    [[nodiscard]] std::uint64_t object_size() const;
    [[nodiscard]] std::vector<Lanes::LaneId> lanes_of_object() const;
    [[nodiscard]] OffsetScene offset_scene(const TimeScale& scale,
                                           std::span<const Lanes::LaneId> lanes) const;
    [[nodiscard]] std::optional<Row> offset_request_at(const QPoint& point) const;

    // Painting.
    void ensure_image();
    void paint_offset_labels(QPainter& painter);
    void paint_overlay(QPainter& painter);
    void paint_waiting(QPainter& painter);
    void paint_empty(QPainter& painter);

    // Choice by keyboard.
    void choose_in_order(int step);
    void choose_in_lane(int step);
    void choose_across(int step);
    void choose_first_seen();
    bool choose_by_key(int key);
    void copy_row(Row request);
    void copy_picture();

    [[nodiscard]] int scroll() const;                     // device pixels
    [[nodiscard]] std::int64_t column_at(double x) const; // logical, in the viewport

    Workspace& workspace_;
    LaneModel model_;
    Mode mode_ = Mode::time;
    ObjectId object_ = 0;
    bool object_set_ = false;                // by the user
    std::map<ObjectId, std::uint64_t> ends_; // how far each was asked for, bytes
    Row noted_ = 0;                          // rows that are in ends_
    TimelineFrame frame_;
    LaneHeights heights_;
    TimeScale scale_;
    bool following_ = false;
    bool shows_all_ = true; // grows with the run, until the user looks at a part of it
    Nanoseconds drawn_now_ = 0;

    LanePainter painter_;
    OffsetPainter offset_painter_;
    QImage image_; // the plot and some columns on both sides of it
    TimeScale image_scale_;
    std::vector<Tick> ticks_; // columns of the image
    int image_scroll_ = 0;
    bool image_good_ = false;

    Drag drag_ = Drag::none;
    QPoint pressed_at_;
    QPoint pointer_;
    TimeScale pressed_scale_;
    int pressed_scroll_ = 0;
    ZoomGesture gesture_;

    std::optional<Row> chosen_;
    std::optional<TimeSpan> remembered_; // in the selection, by us
    QTimer settle_;
};

// A request in words: several lines for a tooltip, one line with tabs to copy.
[[nodiscard]] QString request_text(const Workspace& workspace, Row request);
[[nodiscard]] QString request_line(const Workspace& workspace, Row request);

} // namespace coldscope::app
