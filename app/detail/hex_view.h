// Bytes as hex and as text, of an array or of anything that can be fetched in pieces: only what is
// seen is fetched.
#pragma once

#include "core/base/error.h"
#include "core/base/range_set.h"

#include <QAbstractScrollArea>
#include <QByteArray>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace coldscope::app {

class HexView final : public QAbstractScrollArea {
    Q_OBJECT

public:
    // Bytes [offset, offset + length) of whatever is shown; fewer are a short end.
    using Fetch = std::function<Result<QByteArray>(std::uint64_t offset, std::uint64_t length)>;
    static constexpr std::uint64_t page = 4096; // bytes fetched at once, and kept: most_pages
    static constexpr std::size_t most_pages = 64;

    explicit HexView(QWidget* parent = nullptr);

    void set_bytes(std::uint64_t base_offset, const QByteArray& bytes);
    // range: what is shown, in the offsets that fetch takes and that are written beside the rows.
    void set_source(Range range, Fetch fetch);
    // Nothing, with a sentence why.
    void show_sentence(const QString& sentence);
    [[nodiscard]] QString sentence() const { return sentence_; }

    void set_highlight(std::optional<Range> range); // offsets

    // Parts with names, each on a ground of its own; after set_bytes() or set_source().
    struct Field {
        Range range; // offsets
        QString name;
        QString value;
        bool wrong = false; // framed, too
        bool idle = false;  // means nothing: without a ground
    };
    void set_fields(std::vector<Field> fields);
    // Of the fields: outlined.
    void set_chosen_field(std::optional<std::size_t> field);
    // The rows of these bytes, in the middle where there is room.
    void bring_into_view(Range range);
    [[nodiscard]] Range range() const { return range_; }
    [[nodiscard]] int per_row() const { return per_row_; } // 16, or 8 in narrow views
    // What is selected, offsets; empty when nothing is.
    [[nodiscard]] Range selected() const;
    void select(std::uint64_t anchor, std::uint64_t cursor);
    [[nodiscard]] QString selected_text(); // "7f 45 4c 46"
    [[nodiscard]] std::optional<std::uint64_t> offset_at(const QPointF& point) const;
    [[nodiscard]] QRectF byte_rect(std::uint64_t offset) const; // in the viewport
    [[nodiscard]] std::optional<unsigned char> byte_at(std::uint64_t offset);

    [[nodiscard]] QSize sizeHint() const override;

Q_SIGNALS:
    void byte_chosen(std::uint64_t offset); // by mouse or key

protected:
    bool viewportEvent(QEvent* event) override; // tells a field's name
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

private:
    struct Metrics {
        double character = 8;
        double line = 16;
        double hex = 0;  // left of the first byte
        double text = 0; // left of the text column
        int digits = 6;  // of the offset
    };

    void lay_out();
    void paint_fields(QPainter& painter);
    void paint_frame(QPainter& painter, Range range, const QColor& colour, double width);
    // The parts of a range on each row in sight: of the bytes, and of the text.
    [[nodiscard]] std::vector<QRectF> rects(Range range) const;
    [[nodiscard]] const Field* field_at(std::uint64_t offset) const;
    void copy();
    void go_to(std::uint64_t offset, bool extend);
    [[nodiscard]] std::uint64_t row_begin() const; // offset of the first row, a multiple of per_row
    [[nodiscard]] std::uint64_t rows() const;
    [[nodiscard]] std::uint64_t top_row() const;
    [[nodiscard]] double hex_x(int column) const;

    Range range_;
    Fetch fetch_;
    QString sentence_;
    std::map<std::uint64_t, QByteArray> pages_; // by number
    std::optional<Range> highlight_;
    std::vector<Field> fields_; // sorted by offset
    std::optional<Range> chosen_field_;
    std::optional<std::uint64_t> anchor_;
    std::uint64_t cursor_ = 0;
    int per_row_ = 16;
    Metrics metrics_;
};

} // namespace coldscope::app
