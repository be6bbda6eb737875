// Paints lanes into an image, column by column in device pixels. No widget is needed. The cost
// grows with columns and rows of the image, not with the recording.
#pragma once

#include "app/style/look.h"
#include "core/request/visible.h"

#include <QImage>
#include <QRect>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace coldscope::app {

// Device pixels of a lane's row.
struct LaneHeights {
    int pitch = 1; // from one row to the next
    int bar = 1;   // of a request; <= pitch
};
[[nodiscard]] LaneHeights lane_heights(double ratio); // ratio: device pixels of a logical one

struct LaneRow {
    Lanes::LaneId lane = 0;
    bool alternate = false; // every other group has a ground of its own
    bool first = false;     // of its group: a line is above it
};

struct LaneScene {
    const EventStore& store;
    const Lanes& lanes;
    std::span<const LaneRow> rows; // from top to bottom, those to be seen
    TimeAxis axis;                 // as wide as the image
    Nanoseconds now = 0;
    int top = 0; // device pixels of the first row; may be negative
    LaneHeights heights;
    double ratio = 1;
    Theme theme = Theme::light;
    Surface surface;
    std::span<const std::int64_t> grid; // columns
    std::uint32_t anchor = 0;           // of column 0, so that patterns move with the time
};

// An open request that is held or delayed, where it was painted (device pixels of the image).
struct WaitingBox {
    Row row = 0;
    QRect box;
    RequestState state = RequestState::held;
};

class LanePainter {
public:
    // The whole image is painted. image: Format_RGB32, as wide as the axis.
    void paint(QImage& image, const LaneScene& scene);
    // Of the last paint().
    [[nodiscard]] const std::vector<WaitingBox>& waiting() const { return waiting_; }
    [[nodiscard]] std::size_t spans() const { return span_count_; }

private:
    // What the rows of a bar look like, from top to bottom; all columns of each.
    enum Line : unsigned char { top, upper, middle, lower, bottom, line_count };
    struct Hatch {
        std::uint32_t left;
        std::uint32_t right;
        QRgb colour;
    };
    struct GlyphAt {
        std::uint32_t left;
        const QImage* mask;
        QRgb colour;
    };
    struct Colours {
        QRgb fill = 0;
        QRgb outline = 0;
        QRgb ink = 0; // of a glyph
        Pattern pattern = Pattern::solid;
        QChar glyph;
    };

    void prepare(const LaneScene& scene);
    void paint_lane(QImage& image, const LaneScene& scene, const LaneRow& row, int y);
    void put_wide(const LaneScene& scene, const VisibleSpan& span);
    void put_mark(const VisibleSpan& span, std::uint32_t least);
    void put(const Colours& colours, std::uint32_t left, std::uint32_t right, bool ends);
    void put_glyph(const Colours& colours, std::uint32_t left, std::uint32_t right);
    void fill(Line from, Line to, std::uint32_t left, std::uint32_t right, QRgb colour);
    void copy_rows(QImage& image, int y) const;
    [[nodiscard]] const QImage& glyph_mask(QChar glyph, int height);

    std::array<Colours, mark_count> colours_;
    LaneHeights heights_;
    double ratio_ = 1;
    std::uint32_t width_ = 0;
    std::uint32_t anchor_ = 0;
    std::array<std::vector<QRgb>, 3> ground_; // plain, alternate, line above
    std::array<std::vector<QRgb>, line_count> lines_;
    std::vector<unsigned char> severity_; // of the marks, by column
    std::vector<VisibleSpan> visible_;
    std::vector<VisibleSpan> marks_;
    std::vector<Hatch> hatches_;
    std::vector<GlyphAt> glyphs_;
    std::vector<WaitingBox> waiting_;
    std::map<std::pair<char16_t, int>, QImage> masks_;
    std::size_t span_count_ = 0;
};

} // namespace coldscope::app
