#include "app/timeline/lane_painter.h"

#include "app/timeline/time_scale.h"

#include <QPainter>
#include <algorithm>
#include <cmath>
#include <cstring>

namespace coldscope::app {

namespace {

constexpr double bar_height = 14; // logical pixels
constexpr double lane_pitch = 18;
constexpr double wide = 3;   // requests from here on have an outline
constexpr double phased = 6; // ... show their phases
constexpr double least_glyph = 11;

// One part of a request's life.
struct Phase {
    Nanoseconds begin = 0;
    Mark mark = Mark::answered;
};

struct Phases {
    std::array<Phase, 5> parts;
    std::size_t count = 0;
    void start(Nanoseconds begin, Mark mark) { parts[count++] = {begin, mark}; }
    void add(Nanoseconds begin, Mark mark) {
        if (begin != 0) // it happened
            start(begin, mark);
    }
};

Phases phases_of(const EventStore& store, const RequestRow& row, RequestState state) {
    Phases phases;
    const Mark ended = mark_of(state);
    // What did not come to a good end looks like that from its first step to its last, but for the
    // time in which it was held or delayed.
    const bool bad = state == RequestState::failed || state == RequestState::lost;
    if (row.fetching == 0 && row.filling == 0 && row.steering == 0) {
        phases.start(row.start, ended);
        return phases;
    }
    const Steering steering = store.steering(row);
    phases.start(row.start, bad ? ended : Mark::asked);
    phases.add(steering.held, Mark::held);
    phases.add(steering.delayed, Mark::delayed);
    phases.add(row.fetching, bad ? ended : Mark::fetching);
    phases.add(row.filling, bad ? ended : Mark::filling);
    std::stable_sort(phases.parts.begin(),
                     phases.parts.begin() + static_cast<std::ptrdiff_t>(phases.count),
                     [](const Phase& one, const Phase& other) { return one.begin < other.begin; });
    return phases;
}

} // namespace

LaneHeights lane_heights(double ratio) {
    return {device(lane_pitch, ratio), device(bar_height, ratio)};
}

void LanePainter::prepare(const LaneScene& scene) {
    heights_ = scene.heights;
    ratio_ = scene.ratio;
    width_ = scene.axis.width();
    anchor_ = scene.anchor;
    for (int i = 0; i < mark_count; ++i) {
        const Look& one = look(static_cast<Mark>(i), scene.theme);
        const bool filled = one.pattern != Pattern::hollow && one.pattern != Pattern::half_hollow;
        colours_[static_cast<std::size_t>(i)] = {
            one.fill.rgb(), one.outline.rgb(), filled ? ink_on(one.fill).rgb() : one.outline.rgb(),
            one.pattern, one.glyph};
    }
    ground_[0].assign(width_, scene.surface.base.rgb());
    ground_[1].assign(width_, scene.surface.alternate.rgb());
    ground_[2].assign(width_, scene.surface.grid.rgb());
    for (const std::int64_t column : scene.grid) {
        if (column >= 0 && column < width_) {
            ground_[0][static_cast<std::size_t>(column)] = scene.surface.grid.rgb();
            ground_[1][static_cast<std::size_t>(column)] = scene.surface.grid.rgb();
        }
    }
    for (auto& line : lines_)
        line.resize(width_);
    severity_.resize(width_);
    waiting_.clear();
    span_count_ = 0;
}

void LanePainter::paint(QImage& image, const LaneScene& scene) {
    prepare(scene);
    const std::size_t bytes = std::size_t{width_} * sizeof(QRgb);
    const auto ground = [&](int from, int to, const std::vector<QRgb>& colours) {
        for (int y = std::max(from, 0); y < std::min(to, image.height()); ++y)
            std::memcpy(image.scanLine(y), colours.data(), bytes);
    };
    int y = scene.top;
    ground(0, y, ground_[0]);
    for (const LaneRow& row : scene.rows) {
        if (y >= image.height())
            break;
        const std::vector<QRgb>& plain = ground_[row.alternate ? 1 : 0];
        const int above = (heights_.pitch - heights_.bar + 1) / 2;
        ground(y, y + above, plain);
        ground(y + above + heights_.bar, y + heights_.pitch, plain);
        if (row.first)
            ground(y, y + 1, ground_[2]);
        paint_lane(image, scene, row, y + above);
        y += heights_.pitch;
    }
    if (!scene.rows.empty() && y < image.height() && y >= 0) {
        ground(y, y + 1, ground_[2]);
        ++y;
    }
    ground(y, image.height(), ground_[0]);
}

void LanePainter::paint_lane(QImage& image, const LaneScene& scene, const LaneRow& row, int y) {
    const Lane& lane = scene.lanes.lane(row.lane);
    for (auto& line : lines_)
        line = ground_[row.alternate ? 1 : 0];
    hatches_.clear();
    glyphs_.clear();
    visible_.clear();
    find_visible(lane, scene.store, scene.axis, scene.now, visible_);
    marks_.clear();
    find_marks(lane, scene.store, scene.axis, scene.now, marks_);
    span_count_ += visible_.size() + marks_.size();

    const auto least_wide = static_cast<std::uint32_t>(std::lround(wide * ratio_));
    const auto is_wide = [&](const VisibleSpan& span) {
        return !span.folded && span.right - span.left >= least_wide;
    };
    for (const VisibleSpan& span : visible_) {
        if (is_wide(span))
            put_wide(scene, span);
        else
            put(colours_[static_cast<std::size_t>(mark_of(span.worst))], span.left, span.right,
                false);
        if (span.open && (span.worst == RequestState::held || span.worst == RequestState::delayed))
            waiting_.push_back({span.row,
                                QRect(static_cast<int>(span.left), y,
                                      static_cast<int>(span.right - span.left), heights_.bar),
                                span.worst});
    }
    if (!marks_.empty()) {
        std::fill(severity_.begin(), severity_.end(), static_cast<unsigned char>(0));
        const auto least = static_cast<std::uint32_t>(device(1.5, ratio_));
        for (const VisibleSpan& span : marks_) {
            if (!is_wide(span))
                put_mark(span, least);
        }
    }
    copy_rows(image, y);
}

// A mark that may be lost among folds: at least so wide, and never under one that is less bad.
void LanePainter::put_mark(const VisibleSpan& span, std::uint32_t least) {
    const Colours& colours = colours_[static_cast<std::size_t>(mark_of(span.worst))];
    const auto severity = static_cast<unsigned char>(span.worst);
    const std::uint32_t right = std::min(std::max(span.right, span.left + least), width_);
    for (std::uint32_t column = span.left; column < right; ++column) {
        // What was made wider than it is gives way to what is there.
        if (severity < severity_[column])
            continue;
        severity_[column] = severity;
        put(colours, column, column + 1, false);
    }
}

void LanePainter::put_wide(const LaneScene& scene, const VisibleSpan& span) {
    const RequestRow& row = scene.store[span.row];
    const Colours& whole = colours_[static_cast<std::size_t>(mark_of(span.worst))];
    if (span.right - span.left < static_cast<std::uint32_t>(std::lround(phased * ratio_)) ||
        span.worst == RequestState::refault || span.worst == RequestState::prefetched) {
        put(whole, span.left, span.right, true);
        put_glyph(whole, span.left, span.right);
        return;
    }
    const Phases phases = phases_of(scene.store, row, span.worst);
    bool glyph_put = false;
    for (std::size_t i = 0; i < phases.count; ++i) {
        const Nanoseconds begin = std::max(phases.parts[i].begin, row.start);
        const std::uint32_t left =
            begin <= scene.axis.begin()
                ? span.left
                : std::clamp(scene.axis.column_of(begin), span.left, span.right);
        std::uint32_t right = span.right;
        if (i + 1 < phases.count) {
            const Nanoseconds next = phases.parts[i + 1].begin;
            if (next < scene.axis.begin())
                continue;
            right = std::clamp(scene.axis.column_of(next), span.left, span.right);
            if (next >= scene.axis.end())
                right = span.right;
        }
        if (right <= left)
            continue;
        const Colours& part = colours_[static_cast<std::size_t>(phases.parts[i].mark)];
        put(part, left, right, right - left >= 3);
        if (!part.glyph.isNull() && !glyph_put && part.glyph == whole.glyph) {
            put_glyph(part, left, right);
            glyph_put = true;
        }
    }
    // Where it begins: a line, so that requests one after the other are told apart.
    if (scene.axis.begin() <= row.start)
        fill(top, bottom, span.left, span.left + 1, whole.outline);
}

void LanePainter::fill(Line from, Line to, std::uint32_t left, std::uint32_t right, QRgb colour) {
    for (unsigned line = from; line <= to; ++line)
        std::fill(lines_[line].begin() + left, lines_[line].begin() + right, colour);
}

// Columns [left, right) in a look. With `ends`, outlines are closed at the left and the right.
void LanePainter::put(const Colours& colours, std::uint32_t left, std::uint32_t right, bool ends) {
    switch (colours.pattern) {
    case Pattern::half:
        fill(middle, bottom, left, right, colours.fill);
        return;
    case Pattern::half_hollow:
        if (!ends) {
            fill(middle, bottom, left, right, colours.fill);
            return;
        }
        fill(middle, middle, left, right, colours.outline);
        fill(bottom, bottom, left, right, colours.outline);
        fill(middle, bottom, left, left + 1, colours.outline);
        fill(middle, bottom, right - 1, right, colours.outline);
        return;
    case Pattern::hollow:
        if (!ends) {
            fill(top, bottom, left, right, colours.outline);
            return;
        }
        fill(top, top, left, right, colours.outline);
        fill(bottom, bottom, left, right, colours.outline);
        fill(top, bottom, left, left + 1, colours.outline);
        fill(top, bottom, right - 1, right, colours.outline);
        return;
    case Pattern::solid:
    case Pattern::dotted:
    case Pattern::dots:
    case Pattern::rings:
    case Pattern::crosses:
        fill(top, bottom, left, right, colours.fill);
        if (ends)
            fill(top, bottom, left, left + 1, colours.outline);
        return;
    case Pattern::hatched:
        fill(top, bottom, left, right, colours.fill);
        if (ends)
            hatches_.push_back({left, right, colours.outline});
        return;
    case Pattern::dashed:
        fill(top, bottom, left, right, colours.fill);
        if (!ends)
            return;
        const auto dash = static_cast<std::uint32_t>(device(3, ratio_));
        for (std::uint32_t column = left; column < right; ++column) {
            if ((column + anchor_) / dash % 2 == 0) {
                lines_[top][column] = colours.outline;
                lines_[bottom][column] = colours.outline;
            }
        }
        fill(top, bottom, left, left + 1, colours.outline);
        fill(top, bottom, right - 1, right, colours.outline);
        return;
    }
}

void LanePainter::put_glyph(const Colours& colours, std::uint32_t left, std::uint32_t right) {
    if (colours.glyph.isNull() ||
        right - left < static_cast<std::uint32_t>(std::lround(least_glyph * ratio_)))
        return;
    const QImage& mask = glyph_mask(colours.glyph, heights_.bar);
    const auto margin = static_cast<std::uint32_t>(device(1, ratio_));
    if (left + margin + static_cast<std::uint32_t>(mask.width()) > right)
        return;
    glyphs_.push_back({left + margin, &mask, colours.ink});
    // No hatch behind it.
    if (!hatches_.empty() && hatches_.back().left == left)
        hatches_.back().left += margin + static_cast<std::uint32_t>(mask.width());
}

void LanePainter::copy_rows(QImage& image, int y) const {
    const int bar = heights_.bar;
    const std::size_t bytes = std::size_t{width_} * sizeof(QRgb);
    const auto period = static_cast<std::uint32_t>(device(6, ratio_));
    const auto thick = static_cast<std::uint32_t>(std::max(1L, std::lround(1.2 * ratio_)));
    for (int i = 0; i < bar; ++i) {
        if (y + i < 0 || y + i >= image.height())
            continue;
        const Line line = i == 0         ? top
                          : i == bar - 1 ? bottom
                          : i < bar / 2  ? upper
                          : i == bar / 2 ? middle
                                         : lower;
        auto* pixels = reinterpret_cast<QRgb*>(image.scanLine(y + i));
        std::memcpy(pixels, lines_[line].data(), bytes);
        for (const Hatch& hatch : hatches_) {
            // From the line's first column at or behind `left`.
            const std::uint32_t phase =
                (hatch.left + anchor_ + static_cast<std::uint32_t>(i)) % period;
            for (std::uint32_t column = hatch.left + (period - phase) % period;
                 column < hatch.right; column += period)
                std::fill(pixels + column, pixels + std::min(column + thick, hatch.right),
                          hatch.colour);
        }
        for (const GlyphAt& glyph : glyphs_) {
            const auto* mask = glyph.mask->constScanLine(i);
            for (int x = 0; x < glyph.mask->width(); ++x) {
                const int share = mask[x];
                if (share == 0)
                    continue;
                QRgb& pixel = pixels[glyph.left + static_cast<std::uint32_t>(x)];
                const auto mixed = [share](int from, int to) {
                    return from + (to - from) * share / 255;
                };
                pixel = qRgb(mixed(qRed(pixel), qRed(glyph.colour)),
                             mixed(qGreen(pixel), qGreen(glyph.colour)),
                             mixed(qBlue(pixel), qBlue(glyph.colour)));
            }
        }
    }
}

const QImage& LanePainter::glyph_mask(QChar glyph, int height) {
    QImage& mask = masks_[{glyph.unicode(), height}];
    if (mask.isNull()) {
        mask = QImage(height, height, QImage::Format_Grayscale8);
        mask.fill(0);
        QPainter painter(&mask);
        QFont font = painter.font();
        font.setPixelSize(std::max(1, height * 12 / 14));
        font.setBold(true);
        painter.setFont(font);
        painter.setPen(QColor(255, 255, 255)); // how much of the ink
        painter.drawText(QRect(0, 0, height, height), Qt::AlignCenter, QString(glyph));
    }
    return mask;
}

} // namespace coldscope::app
