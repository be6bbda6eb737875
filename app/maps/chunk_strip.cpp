#include "app/maps/chunk_strip.h"

#include "app/maps/shared_cells.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QScrollBar>
#include <algorithm>
#include <cmath>
#include <map>

namespace coldscope::app {

namespace {

constexpr double side_margin = 8; // logical pixels
constexpr double strip_height = 26;
constexpr double strip_gap = 8;
constexpr int bar_steps = 1 << 20;
constexpr int lanes = 7; // the last folds what found no room

} // namespace

ChunkStrip::ChunkStrip(Workspace& workspace, QWidget* parent)
    : QAbstractScrollArea(parent), workspace_(workspace), gate_(this, [this] { refresh(); }) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Chunk map"));
    setAccessibleDescription(tr("Where a file's bytes lie. Arrows move, Enter chooses, plus and "
                                "minus zoom, 0 shows the whole file."));
    setFrameShape(QFrame::NoFrame);
    viewport()->setMouseTracking(true);
    connect(&workspace_.host(), &RunHost::began, this, [this] {
        failures_.reset(workspace_);
        if (node_)
            touches_.set_file(workspace_, *node_, extents_);
        gate_.ask();
    });
    connect(&workspace_, &Workspace::image_changed, this, [this] { failures_.reset(workspace_); });
    connect(&workspace_.host(), &RunHost::advanced, &gate_, &FrameGate::ask);
    connect(&workspace_.residency(), &Residency::changed, &gate_, &FrameGate::ask);
    connect(&workspace_, &Workspace::sharing_changed, &gate_, &FrameGate::ask);
    connect(&workspace_.selection(), &Selection::changed, this, [this] {
        follow_ = true;
        gate_.ask();
    });
    failures_.reset(workspace_);
}

void ChunkStrip::show_nothing(const QString& sentence) {
    sentence_ = sentence;
    node_.reset();
    extents_.clear();
    devices_.clear();
    bytes_.clear();
    columns_.clear();
    marks_.clear();
    chosen_.clear();
    touches_.clear();
    size_ = 0;
    show_scroll_bar();
    gate_.ask();
    viewport()->update();
}

void ChunkStrip::show_file(erofs::NodeId node, std::uint64_t size, std::uint64_t chunk_size) {
    node_ = node;
    size_ = size;
    cell_ = std::max<std::uint64_t>(1, chunk_size);
    sentence_.clear();
    extents_ = workspace_.extents_of(node);
    std::map<std::uint16_t, std::uint64_t> devices;
    for (const erofs::Extent& extent : extents_) {
        if (extent.is_placed())
            devices[extent.device] += extent.length;
    }
    devices_.clear();
    bytes_.clear();
    for (const auto& [device, bytes] : devices) {
        devices_.push_back(device);
        bytes_.push_back(bytes);
    }
    touches_.set_file(workspace_, node, extents_);
    columns_.assign(devices_.size(), {});
    cursor_ = 0;
    hover_.reset();
    fit();
}

void ChunkStrip::fit() {
    set_window(0, static_cast<double>(size_));
}

void ChunkStrip::set_sharing(bool on) {
    sharing_ = on;
    gate_.ask();
}

double ChunkStrip::least_span() const {
    return std::min(static_cast<double>(std::max<std::uint64_t>(size_, 1)), 256.0);
}

void ChunkStrip::set_window(double begin, double end) {
    const double size = std::max(1.0, static_cast<double>(size_));
    const double span = std::clamp(end - begin, least_span(), size);
    begin_ = std::clamp(begin, 0.0, size - span);
    end_ = begin_ + span;
    show_scroll_bar();
    gate_.ask();
    Q_EMIT window_changed();
}

void ChunkStrip::show_scroll_bar() {
    scrolling_ = true;
    const double size = std::max(1.0, static_cast<double>(size_));
    const int page = std::clamp(static_cast<int>((end_ - begin_) / size * bar_steps), 1, bar_steps);
    horizontalScrollBar()->setPageStep(page);
    horizontalScrollBar()->setSingleStep(std::max(1, page / 16));
    horizontalScrollBar()->setRange(0, empty() ? 0 : bar_steps - page);
    horizontalScrollBar()->setValue(static_cast<int>(std::lround(begin_ / size * bar_steps)));
    const auto height =
        static_cast<int>(empty() ? 0 : lanes_rect().bottom()) + verticalScrollBar()->value() + 4;
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setSingleStep(static_cast<int>(strip_height));
    verticalScrollBar()->setRange(0, std::max(0, height - viewport()->height()));
    scrolling_ = false;
}

double ChunkStrip::left() const {
    return side_margin;
}

double ChunkStrip::width() const {
    return std::max(1.0, viewport()->width() - 2 * side_margin);
}

FileAxis ChunkStrip::axis() const {
    return {begin_, end_, std::max(1, static_cast<int>(width() * devicePixelRatioF()))};
}

QRectF ChunkStrip::strip_rect(std::size_t strip) const {
    const double line = fontMetrics().height();
    const double top = line + 10 - verticalScrollBar()->value();
    const double step = line + 2 + strip_height + strip_gap;
    return {left(), top + line + 2 + static_cast<double>(strip) * step,
            axis().width / devicePixelRatioF(), strip_height};
}

QRectF ChunkStrip::lanes_rect() const {
    const double line = fontMetrics().height();
    const QRectF last = strip_rect(std::max<std::size_t>(1, devices_.size()) - 1);
    return {left(), last.bottom() + strip_gap + line + 2, last.width(), lanes * lane_step};
}

std::optional<std::uint64_t> ChunkStrip::offset_at(const QPointF& point) const {
    const FileAxis at = axis();
    const double column = std::floor((point.x() - left()) * devicePixelRatioF() + 1e-6);
    if (empty() || size_ == 0 || column < 0 || column >= at.width)
        return {};
    return std::min(size_ - 1, static_cast<std::uint64_t>(std::ceil(at.offset_of(column) - 1e-6)));
}

Range ChunkStrip::cell_at(std::uint64_t offset) const {
    const std::uint64_t begin = offset / cell_ * cell_;
    return {begin, begin + std::min(cell_, size_ - begin)};
}

const erofs::Extent* ChunkStrip::extent_at(std::uint64_t offset) const {
    const auto at = std::upper_bound(
        extents_.begin(), extents_.end(), offset,
        [](std::uint64_t wanted, const erofs::Extent& e) { return wanted < e.offset + e.length; });
    return at == extents_.end() || at->offset > offset ? nullptr : &*at;
}

// The first part of a range of the file that lies on a device.
std::optional<DeviceRange> ChunkStrip::place_of(const Range& range) const {
    for (std::uint64_t offset = range.begin; offset < range.end;) {
        const erofs::Extent* extent = extent_at(offset);
        if (extent == nullptr)
            return {};
        const std::uint64_t end = std::min(range.end, extent->offset + extent->length);
        if (extent->is_placed())
            return DeviceRange{extent->device, extent->stored_of({offset, end})};
        offset = end;
    }
    return {};
}

void ChunkStrip::refresh() {
    failures_.update(workspace_);
    touches_.update(workspace_);
    const FileAxis at = axis();
    for (std::size_t strip = 0; strip < devices_.size(); ++strip) {
        StripInput input;
        input.device = devices_[strip];
        const std::uint64_t size = workspace_.image()->device_size(input.device);
        input.state = device_state(workspace_, failures_, {}, {input.device, {0, size}});
        find_columns(extents_, input, at, columns_[strip]);
        if (sharing_ && node_ && workspace_.shared_pieces())
            share_columns(workspace_.shared_pieces()(*node_), at, columns_[strip]);
    }
    place_requests();
    find_chosen();
    render();
    viewport()->update();
}

// Newest first onto the first lane that is free there; the last lane folds the others.
void ChunkStrip::place_requests() {
    marks_.clear();
    if (empty())
        return;
    const FileAxis at = axis();
    const auto columns = static_cast<std::size_t>(at.width);
    std::vector<std::vector<char>> taken(lanes - 1, std::vector<char>(columns, 0));
    std::vector<LaneMark> folded(columns);
    const int least = std::max(3, static_cast<int>(3 * devicePixelRatioF()));
    EventStore& store = workspace_.host().store();
    const auto& touches = touches_.touches();
    for (auto touch = touches.rbegin(); touch != touches.rend(); ++touch) {
        const double from = at.column_of(static_cast<double>(touch->range.begin));
        const double to = at.column_of(static_cast<double>(touch->range.end));
        if (to <= 0 || from >= at.width)
            continue;
        LaneMark mark;
        mark.left = std::clamp(static_cast<int>(std::floor(from)), 0, at.width - 1);
        mark.right = std::clamp(std::max(static_cast<int>(std::ceil(to)), mark.left + least),
                                mark.left + 1, at.width);
        mark.row = touch->row;
        mark.mark = mark_of(store.state(touch->row));
        for (mark.lane = 0; mark.lane < lanes - 1; ++mark.lane) {
            auto& lane = taken[static_cast<std::size_t>(mark.lane)];
            const auto begin = lane.begin() + std::max(0, mark.left - 1); // a gap of a pixel
            const auto end = lane.begin() + mark.right;
            if (std::find(begin, end, 1) == end) {
                std::fill(lane.begin() + mark.left, end, 1);
                break;
            }
        }
        if (mark.lane < lanes - 1) {
            marks_.push_back(mark);
            continue;
        }
        // Folded by its first column.
        LaneMark& fold = folded[static_cast<std::size_t>(mark.left)];
        if (fold.folded == 0 || badness(mark.mark) > badness(fold.mark)) {
            const std::uint32_t count = fold.folded;
            fold = mark;
            fold.right = mark.left + 1;
            fold.folded = count;
        }
        ++fold.folded;
    }
    for (const LaneMark& fold : folded) {
        if (fold.folded != 0)
            marks_.push_back(fold);
    }
}

void ChunkStrip::find_chosen() {
    chosen_.clear();
    const Chosen& chosen = workspace_.selection().current();
    if (!chosen.range || empty())
        return;
    const auto strip = static_cast<std::size_t>(std::ranges::find(devices_, chosen.range->device) -
                                                devices_.begin());
    if (strip == devices_.size())
        return;
    // A file's own range is all of it, as likely as not: only what was chosen on purpose is shown.
    if (chosen.by == Chosen::By::node)
        return;
    const auto spans = [&](double from, double to, auto&& visit) {
        const auto ends_after = [](double offset, const erofs::Extent& extent) {
            return offset < static_cast<double>(extent.offset + extent.length);
        };
        for (auto extent = std::upper_bound(extents_.begin(), extents_.end(), from, ends_after);
             extent != extents_.end() && static_cast<double>(extent->offset) < to; ++extent) {
            const Range both{std::max(chosen.range->range.begin, extent->stored().begin),
                             std::min(chosen.range->range.end, extent->stored().end)};
            if (!extent->is_placed() || both.begin >= both.end ||
                extent->device != chosen.range->device)
                continue;
            const Range part = extent->read_from(both);
            if (!visit(static_cast<double>(part.begin), static_cast<double>(part.end)))
                return;
        }
    };
    if (follow_) {
        follow_ = false;
        bool seen = false;
        std::optional<double> first;
        spans(0, static_cast<double>(size_), [&](double begin, double end) {
            seen = seen || (begin < end_ && end > begin_);
            if (!first)
                first = begin;
            return !seen;
        });
        if (first && !seen) {
            const double span = end_ - begin_;
            set_window(*first - span / 4, *first + span * 3 / 4);
        }
        if (first)
            cursor_ = static_cast<std::uint64_t>(*first);
    }
    const FileAxis at = axis();
    spans(begin_, end_, [&](double begin, double end) {
        ChosenRun run;
        run.strip = strip;
        run.left = std::clamp(static_cast<int>(std::floor(at.column_of(begin))), 0, at.width - 1);
        run.right =
            std::clamp(static_cast<int>(std::ceil(at.column_of(end))), run.left + 1, at.width);
        if (!chosen_.empty() && chosen_.back().right >= run.left)
            chosen_.back().right = std::max(chosen_.back().right, run.right);
        else
            chosen_.push_back(run);
        return true;
    });
}

} // namespace coldscope::app
