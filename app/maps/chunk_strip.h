// The strips of a file: one for each device that it uses, to scale by offset in the file, and under
// them the requests that touched it.
#pragma once

#include "app/maps/chunk_columns.h"
#include "app/maps/file_touches.h"
#include "app/style/frame_gate.h"

#include <QAbstractScrollArea>
#include <QImage>
#include <QPoint>
#include <optional>
#include <vector>

namespace coldscope::app {

class ChunkStrip final : public QAbstractScrollArea {
    Q_OBJECT

public:
    // Of the requests' lanes, logical pixels; the rest of a step is a gap.
    static constexpr double lane_step = 10;
    static constexpr double lane_height = 8;

    ChunkStrip(Workspace& workspace, QWidget* parent);

    // Nothing, with a sentence why; or a file.
    void show_nothing(const QString& sentence);
    void show_file(erofs::NodeId node, std::uint64_t size, std::uint64_t chunk_size);
    [[nodiscard]] bool empty() const { return !node_.has_value(); }
    [[nodiscard]] QString sentence() const { return sentence_; }

    // Offsets of the file, bytes.
    void set_window(double begin, double end);
    void fit();
    // Marks of sharing in place of the state.
    void set_sharing(bool on);
    [[nodiscard]] FileAxis axis() const; // columns: device pixels of the strips
    [[nodiscard]] std::size_t strips() const { return devices_.size(); }
    [[nodiscard]] std::optional<std::uint64_t> offset_at(const QPointF& point) const;
    [[nodiscard]] QRectF strip_rect(std::size_t strip) const; // logical pixels of the viewport
    [[nodiscard]] const std::vector<Column>& columns(std::size_t strip) const {
        return columns_[strip];
    }
    // The chunk (without chunks: the block) with this offset, as far as the file goes.
    [[nodiscard]] Range cell_at(std::uint64_t offset) const;
    [[nodiscard]] QString describe(std::uint64_t offset) const;
    [[nodiscard]] const FileTouches& touches() const { return touches_; }
    [[nodiscard]] std::uint64_t cursor() const { return cursor_; }
    void set_cursor(std::uint64_t offset);
    void choose(); // the cursor's bytes on their device; the file stays chosen
    void refresh_now() { gate_.flush(); }
    [[nodiscard]] QImage picture();

Q_SIGNALS:
    void window_changed();

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
    // Requests in one row of the view; the last row folds those that found no room.
    struct LaneMark {
        int left = 0; // device pixels from the strips' left
        int right = 0;
        int lane = 0;
        Row row = 0;
        Mark mark = Mark::answered;
        std::uint32_t folded = 0;
    };

    void refresh();
    void place_requests();
    void paint_axis(QPainter& painter) const;
    void paint_strip(QPainter& painter, std::size_t strip) const;
    void paint_requests(QPainter& painter) const;
    void find_chosen();
    void render();
    void show_scroll_bar();
    void zoom(double factor, double at); // logical x
    [[nodiscard]] double left() const;
    [[nodiscard]] double width() const; // logical pixels
    [[nodiscard]] double least_span() const;
    [[nodiscard]] const erofs::Extent* extent_at(std::uint64_t offset) const;
    [[nodiscard]] std::optional<DeviceRange> place_of(const Range& range) const;
    [[nodiscard]] QRectF lanes_rect() const;
    [[nodiscard]] const LaneMark* request_at(const QPointF& point) const;
    [[nodiscard]] QString describe(const LaneMark& mark) const;
    void choose_place(const DeviceRange& place);

    Workspace& workspace_;
    QString sentence_;
    std::optional<erofs::NodeId> node_;
    bool sharing_ = false;
    std::uint64_t size_ = 0;
    std::uint64_t cell_ = 4096; // bytes: chunk or block
    std::vector<erofs::Extent> extents_;
    std::vector<std::uint16_t> devices_; // that it uses, ascending
    std::vector<std::uint64_t> bytes_;   // on each of them
    FileTouches touches_;
    Touches failures_;
    double begin_ = 0; // of the window, bytes
    double end_ = 1;

    std::vector<std::vector<Column>> columns_;
    std::vector<LaneMark> marks_;
    struct ChosenRun {
        std::size_t strip = 0;
        int left = 0; // columns
        int right = 0;
    };
    std::vector<ChosenRun> chosen_;
    bool follow_ = false; // bring what is chosen into the window
    QImage image_;
    std::uint64_t cursor_ = 0;
    std::optional<double> hover_; // logical x
    std::optional<QPoint> pressed_;
    double pressed_begin_ = 0;
    bool panning_ = false;
    bool scrolling_ = false; // the bar is set from here
    FrameGate gate_;
};

} // namespace coldscope::app
