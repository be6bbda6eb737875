// The cells of one device, in rows that fit the width. Painted into an image that is renewed only
// when something in it changed.
#pragma once

#include "app/maps/shared_cells.h"
#include "app/run/workspace.h"
#include "app/style/frame_gate.h"

#include <QAbstractScrollArea>
#include <QImage>
#include <QLineF>
#include <QPoint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace coldscope::app {

enum class Overlay : unsigned char { state, first_access, heat, sharing };

class BlobGrid final : public QAbstractScrollArea {
    Q_OBJECT

public:
    // 2^zoom blocks a cell; below 0: one block in a larger cell.
    static constexpr int least_zoom = -2;

    BlobGrid(Workspace& workspace, QWidget* parent);

    void set_device(std::uint16_t device);
    [[nodiscard]] std::uint16_t device() const { return device_; }
    void set_overlay(Overlay overlay);
    [[nodiscard]] Overlay overlay() const { return overlay_; }

    // The whole device in the view; it stays so when the view's size changes, until zoomed.
    void fit();
    [[nodiscard]] bool fits() const { return fit_; }
    void set_zoom(int zoom, const QPointF& anchor); // logical pixels of the viewport
    [[nodiscard]] int zoom() const { return zoom_; }
    [[nodiscard]] int most_zoom() const { return fit_zoom_; }
    [[nodiscard]] const CellSpace& space() const { return space_; }

    // What is under a point of the viewport, and back; logical pixels. Exact at cells' borders.
    [[nodiscard]] std::optional<std::uint64_t> cell_at(const QPointF& point) const;
    [[nodiscard]] QRectF rect_of(std::uint64_t cell) const;
    // What a cell shows; looked up anew.
    [[nodiscard]] Cell cell(std::uint64_t cell) const;
    [[nodiscard]] SharedCell shared_cell(std::uint64_t cell) const;
    [[nodiscard]] QString describe(std::uint64_t cell) const;
    void make_visible(std::uint64_t cell);

    [[nodiscard]] std::uint64_t cursor() const { return cursor_; }
    void set_cursor(std::uint64_t cell, bool extend = false);
    // Chooses the cursor's cell, or all from where Shift was pressed.
    void choose();

    // Brings everything up to date now instead of in the next frame.
    void refresh_now() { gate_.flush(); }
    [[nodiscard]] QImage picture(); // what is seen, for the clipboard

Q_SIGNALS:
    void device_changed();
    void view_changed(); // zoom, or what is known of the device

protected:
    bool viewportEvent(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

private:
    struct Outline {
        std::vector<QLineF> file;
        std::vector<QLineF> range;
    };

    void image_changed();
    void follow_selection();
    void refresh();
    void lay_out();
    [[nodiscard]] int side_of(int zoom) const; // device pixels
    void render();
    [[nodiscard]] const QImage* stamp_of(const Cell& cell, std::uint64_t index);
    void outline(const std::vector<Range>& ranges, std::vector<QLineF>& lines) const;
    void find_outlines();
    void draw_gutter(QPainter& painter) const;
    [[nodiscard]] QString empty_text() const;
    [[nodiscard]] DeviceRange chosen_cells() const; // from where Shift was pressed to the cursor
    [[nodiscard]] int scroll() const;               // device pixels
    void open_menu(const QPoint& global);
    [[nodiscard]] std::span<const Range> used() const;
    [[nodiscard]] std::uint64_t first_visible() const; // cell
    [[nodiscard]] std::size_t visible_count() const;
    void announce();

    Workspace& workspace_;
    Touches touches_;
    std::uint16_t device_ = 0;
    Overlay overlay_ = Overlay::state;
    std::vector<Range> file_ranges_; // of the selected file on this device

    CellSpace space_;
    std::uint64_t block_ = 4096; // bytes
    int zoom_ = 0;
    int fit_zoom_ = 0;
    int first_zoom_ = least_zoom; // that a scroll bar can reach the end of
    bool fit_ = true;
    // Device pixels.
    int fit_side_ = 10;
    int side_ = 10;
    int gutter_ = 0;
    std::uint64_t columns_ = 1;

    std::vector<Cell> cells_;                          // visible ones
    std::vector<SharedCell> shared_;                   // of these, for that overlay
    Range shared_cells_;                               // which they are; empty: to be found
    std::unordered_map<std::uint32_t, QImage> stamps_; // by what they show
    QImage image_;
    Outline outline_;
    std::vector<Nanoseconds> quantiles_;
    double most_touches_ = 1;

    std::uint64_t cursor_ = 0;
    std::uint64_t anchor_ = 0;
    std::optional<std::uint64_t> hover_; // cell
    std::optional<QPoint> pressed_;
    int pressed_scroll_ = 0;
    bool panning_ = false;
    bool choosing_ = false; // what is chosen now came from here
    bool follow_ = true;    // the selection changed since it was looked at
    FrameGate gate_;
};

} // namespace coldscope::app
