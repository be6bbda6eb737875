// The other way to see a run: where in one object was asked, over time.
#pragma once

#include "app/style/look.h"
#include "core/request/visible.h"

#include <QImage>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace coldscope::app {

struct OffsetScene {
    const EventStore& store;
    const Lanes& lanes;
    std::span<const Lanes::LaneId> shown; // lanes that may have requests of the object
    ObjectId object = 0;
    std::uint64_t size = 1; // bytes, from the bottom to the top
    TimeAxis axis;          // as wide as the image
    Nanoseconds now = 0;
    double ratio = 1;
    Theme theme = Theme::light;
    Surface surface;
    std::span<const std::int64_t> grid; // columns
};

// Pixels [top, bottom) of a range of bytes in a plot so high.
struct OffsetRows {
    int top = 0;
    int bottom = 0; // > top
};
[[nodiscard]] OffsetRows rows_of(std::uint64_t offset, std::uint64_t length, std::uint64_t size,
                                 int height);

class OffsetPainter {
public:
    // Of folded requests as many are looked at as keep within a frame: one in every(). Those that
    // are or were held, delayed, failed or lost are never left out for that.
    static constexpr std::size_t most_folded = 60'000;

    void paint(QImage& image, const OffsetScene& scene);
    [[nodiscard]] std::size_t every() const { return every_; } // of the last paint()

private:
    void put(QImage& image, const OffsetScene& scene, Row request, std::uint32_t left,
             std::uint32_t right, int least);
    void paint_folded(QImage& image, const OffsetScene& scene);
    void paint_marks(QImage& image, const OffsetScene& scene, const Lane& lane);

    struct Fold {
        Lanes::LaneId lane;
        std::size_t at;
        std::uint32_t count;
    };
    std::vector<VisibleSpan> spans_;
    std::vector<Fold> folds_;
    std::size_t every_ = 1;
};

// The request at a time and a byte, or the closest one within these slacks. At most some thousand
// are looked at.
[[nodiscard]] std::optional<Row> offset_hit_test(const OffsetScene& scene, Nanoseconds time,
                                                 Nanoseconds slack, std::uint64_t byte,
                                                 std::uint64_t byte_slack);

} // namespace coldscope::app
