#include "app/maps/blob_grid.h"

#include "app/style/marks.h"
#include "app/style/text.h"

#include <QApplication>
#include <QPainter>
#include <QScrollBar>
#include <algorithm>
#include <cmath>
#include <cstring>

namespace coldscope::app {

namespace {

constexpr double least_side = 7; // logical pixels of a cell and its gap
constexpr double most_fit_side = 20;
constexpr int heat_steps = 24;
constexpr int share_steps = 16;
constexpr double gutter_gap = 10;

} // namespace

BlobGrid::BlobGrid(Workspace& workspace, QWidget* parent)
    : QAbstractScrollArea(parent), workspace_(workspace), gate_(this, [this] { refresh(); }) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Blob map"));
    setAccessibleDescription(tr("Blocks of a device. Arrows move, Enter chooses, plus and minus "
                                "zoom, 0 shows the whole device."));
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
    viewport()->setMouseTracking(true);
    connect(&workspace_, &Workspace::image_changed, this, &BlobGrid::image_changed);
    connect(&workspace_.host(), &RunHost::began, this, [this] {
        touches_.reset(workspace_);
        gate_.ask();
    });
    connect(&workspace_.host(), &RunHost::advanced, &gate_, &FrameGate::ask);
    connect(&workspace_.residency(), &Residency::changed, &gate_, &FrameGate::ask);
    connect(&workspace_, &Workspace::sharing_changed, this, [this] {
        shared_cells_ = {};
        gate_.ask();
    });
    connect(&workspace_.selection(), &Selection::changed, this, [this] {
        follow_ = true;
        gate_.ask();
    });
    image_changed();
}

void BlobGrid::image_changed() {
    touches_.reset(workspace_);
    device_ = 0;
    if (const auto& image = workspace_.image()) {
        block_ = image->image->superblock().block_size();
        // The greatest is most likely what somebody wants to see.
        for (std::uint16_t i = 1; i < image->device_count(); ++i) {
            if (image->device_size(i) > image->device_size(device_))
                device_ = i;
        }
    }
    set_device(device_);
}

void BlobGrid::set_device(std::uint16_t device) {
    const auto& image = workspace_.image();
    device_ = device;
    cursor_ = anchor_ = 0;
    hover_.reset();
    space_ = {};
    if (image && device < image->device_count())
        space_.size = image->device_size(device);
    setVerticalScrollBarPolicy(space_.size == 0 ? Qt::ScrollBarAlwaysOff : Qt::ScrollBarAlwaysOn);
    follow_ = true;
    fit_ = true;
    lay_out();
    Q_EMIT device_changed();
}

void BlobGrid::set_overlay(Overlay overlay) {
    overlay_ = overlay;
    shared_cells_ = {};
    stamps_.clear();
    gate_.ask();
}

void BlobGrid::fit() {
    fit_ = true;
    lay_out();
}

int BlobGrid::scroll() const {
    return verticalScrollBar()->value();
}

int BlobGrid::side_of(int zoom) const {
    if (zoom >= 0)
        return fit_side_;
    return std::max(fit_side_ + 4,
                    static_cast<int>(std::lround((zoom == -1 ? 16 : 24) * devicePixelRatioF())));
}

void BlobGrid::lay_out() {
    const double ratio = devicePixelRatioF();
    const int width = static_cast<int>(viewport()->width() * ratio);
    const int height = std::max(1, static_cast<int>(viewport()->height() * ratio));
    gutter_ = static_cast<int>(std::ceil(
        (fontMetrics().horizontalAdvance(size_text(1000 * 1024 * 1024)) + gutter_gap) * ratio));
    const int room = std::max(1, width - gutter_ - static_cast<int>(2 * ratio));
    const std::uint64_t blocks = space_.size / block_ + (space_.size % block_ != 0 ? 1 : 0);
    const auto fits = [&](std::uint64_t cells, int side) {
        const auto columns = static_cast<std::uint64_t>(std::max(1, room / side));
        const auto rows = static_cast<std::uint64_t>(height / side);
        return columns * rows >= cells;
    };
    const int least = std::max(2, static_cast<int>(std::lround(least_side * ratio)));
    const int most = static_cast<int>(std::lround(most_fit_side * ratio));
    fit_zoom_ = 0;
    while (fit_zoom_ < 50 && !fits((blocks + (1ULL << fit_zoom_) - 1) >> fit_zoom_, least))
        ++fit_zoom_;
    fit_side_ = least;
    while (fit_side_ < most && fits((blocks + (1ULL << fit_zoom_) - 1) >> fit_zoom_, fit_side_ + 1))
        ++fit_side_;
    first_zoom_ = least_zoom;
    while (first_zoom_ < fit_zoom_ &&
           (blocks >> std::max(0, first_zoom_)) / static_cast<std::uint64_t>(room / least + 1) >
               (1U << 22))
        ++first_zoom_;
    zoom_ = fit_ ? fit_zoom_ : std::clamp(zoom_, first_zoom_, fit_zoom_);

    side_ = side_of(zoom_);
    columns_ = static_cast<std::uint64_t>(std::max(1, room / side_));
    space_.cell_bytes = block_ << std::max(0, zoom_);
    const std::uint64_t rows = (space_.count() + columns_ - 1) / columns_;
    const auto total = static_cast<int>(
        std::min<std::uint64_t>(rows * static_cast<std::uint64_t>(side_), 1U << 30));
    verticalScrollBar()->setRange(0, fit_ ? 0 : std::max(0, total - height));
    verticalScrollBar()->setPageStep(height);
    verticalScrollBar()->setSingleStep(side_);
    if (const std::uint64_t count = space_.count(); count != 0) {
        cursor_ = std::min(cursor_, count - 1);
        anchor_ = std::min(anchor_, count - 1);
    }
    hover_.reset();
    shared_cells_ = {};
    stamps_.clear();
    gate_.ask();
}

void BlobGrid::set_zoom(int zoom, const QPointF& anchor) {
    zoom = std::clamp(zoom, first_zoom_, fit_zoom_);
    if (zoom == zoom_ || space_.size == 0)
        return;
    const std::uint64_t old_bytes = space_.cell_bytes;
    const std::uint64_t address = space_.range(cell_at(anchor).value_or(cursor_)).begin;
    fit_ = zoom == fit_zoom_;
    zoom_ = zoom;
    cursor_ = cursor_ * old_bytes;
    anchor_ = anchor_ * old_bytes;
    const std::uint64_t bytes = block_ << std::max(0, zoom_);
    cursor_ /= bytes;
    anchor_ /= bytes;
    lay_out();
    const std::uint64_t cell = space_.cell_of(address);
    const auto row = static_cast<std::int64_t>(cell / columns_);
    const auto at = static_cast<std::int64_t>(anchor.y() * devicePixelRatioF());
    verticalScrollBar()->setValue(static_cast<int>(
        std::clamp<std::int64_t>(row * side_ + side_ / 2 - at, 0, verticalScrollBar()->maximum())));
    hover_ = cell;
}

std::optional<std::uint64_t> BlobGrid::cell_at(const QPointF& point) const {
    const double ratio = devicePixelRatioF();
    const double x = std::floor(point.x() * ratio + 1e-6) - gutter_;
    const double y = std::floor(point.y() * ratio + 1e-6) + scroll();
    if (x < 0 || y < 0)
        return {};
    const auto column = static_cast<std::uint64_t>(x) / static_cast<std::uint64_t>(side_);
    const auto row = static_cast<std::uint64_t>(y) / static_cast<std::uint64_t>(side_);
    const std::uint64_t cell = row * columns_ + column;
    if (column >= columns_ || cell >= space_.count())
        return {};
    return cell;
}

QRectF BlobGrid::rect_of(std::uint64_t cell) const {
    const double ratio = devicePixelRatioF();
    const auto column = static_cast<double>(cell % columns_);
    const auto row = static_cast<double>(cell / columns_);
    return {(gutter_ + column * side_) / ratio, (row * side_ - scroll()) / ratio, side_ / ratio,
            side_ / ratio};
}

std::span<const Range> BlobGrid::used() const {
    const auto& image = workspace_.image();
    return image && device_ < image->used.size() ? std::span<const Range>(image->used[device_])
                                                 : std::span<const Range>();
}

std::uint64_t BlobGrid::first_visible() const {
    return static_cast<std::uint64_t>(scroll() / side_) * columns_;
}

std::size_t BlobGrid::visible_count() const {
    const auto height = static_cast<int>(viewport()->height() * devicePixelRatioF());
    return static_cast<std::size_t>(height / side_ + 2) * columns_;
}

Cell BlobGrid::cell(std::uint64_t cell) const {
    std::vector<Cell> cells;
    if (cell < space_.count()) {
        const DeviceState state =
            device_state(workspace_, touches_, used(), {device_, space_.range(cell)});
        find_cells(space_, state, cell, 1, cells);
    }
    return cells.empty() ? Cell() : cells.front();
}

SharedCell BlobGrid::shared_cell(std::uint64_t cell) const {
    std::vector<SharedCell> cells;
    find_shared_cells(workspace_, device_, space_, cell, 1, cells);
    return cells.empty() ? SharedCell() : cells.front();
}

void BlobGrid::refresh() {
    touches_.update(workspace_);
    if (overlay_ == Overlay::first_access)
        quantiles_ = touches_.first_quantiles(device_, heat_steps);
    if (follow_) {
        follow_ = false;
        follow_selection();
    }
    cells_.clear();
    if (space_.size != 0) {
        const std::uint64_t first = first_visible();
        const std::size_t count = visible_count();
        const Range window{first * space_.cell_bytes,
                           std::min(space_.size, (first + count) * space_.cell_bytes)};
        find_cells(space_, device_state(workspace_, touches_, used(), {device_, window}), first,
                   count, cells_);
        if (const Range now{first, first + cells_.size()};
            overlay_ == Overlay::sharing && now != shared_cells_) {
            find_shared_cells(workspace_, device_, space_, first, cells_.size(), shared_);
            shared_cells_ = now;
        }
    }
    render();
    find_outlines();
    viewport()->update();
    Q_EMIT view_changed();
}

const QImage* BlobGrid::stamp_of(const Cell& cell, std::uint64_t index) {
    Mark mark = cell.mark;
    std::uint32_t share = 0;
    std::uint32_t heat = 0;
    if (overlay_ == Overlay::state) {
        // How much of a cold cell is local, as a bar at its foot.
        if (mark == Mark::cold && cell.local != 0)
            share = static_cast<std::uint32_t>(
                std::clamp<double>(static_cast<double>(cell.local) * share_steps /
                                       static_cast<double>(cell.local + cell.cold),
                                   1, share_steps - 1));
    } else if (overlay_ == Overlay::sharing) {
        const SharedCell& shared = shared_[static_cast<std::size_t>(index - first_visible())];
        mark = shared.any ? mark_of(shared.mark) : cell.used == 0 ? Mark::hole : Mark::cold;
        share = shared.resident ? share_steps : 0;
    } else {
        const Touch touch = touches_.in({device_, space_.range(index)});
        mark = cell.used == 0 && touch.count == 0 ? Mark::hole : Mark::cold;
        if (touch.count != 0 && overlay_ == Overlay::heat)
            heat = 1 + static_cast<std::uint32_t>((heat_steps - 1) * std::log2(touch.count) /
                                                  std::max(1.0, std::log2(most_touches_)));
        else if (touch.count != 0)
            heat = 1 + static_cast<std::uint32_t>(
                           std::ranges::upper_bound(quantiles_, touch.first) - quantiles_.begin());
        heat = std::min<std::uint32_t>(heat, heat_steps);
    }
    const std::uint32_t key = static_cast<std::uint32_t>(mark) | share << 8 | heat << 16;
    if (const auto found = stamps_.find(key); found != stamps_.end())
        return &found->second;
    const Theme theme = theme_of(palette());
    const double ratio = devicePixelRatioF();
    const int gap = std::max(1, static_cast<int>(std::lround(ratio)));
    const int box = side_ - gap;
    QImage stamp(side_, side_, QImage::Format_RGB32);
    stamp.fill(surface_of(palette()).base);
    QPainter painter(&stamp);
    if (heat != 0) {
        painter.fillRect(0, 0, box, box,
                         scale_colour((heat - 1) / static_cast<double>(heat_steps - 1), theme));
    } else {
        painter.save();
        painter.scale(ratio, ratio);
        draw_mark(painter, QRectF(0, 0, box / ratio, box / ratio), mark, theme);
        painter.restore();
        if (share != 0) {
            const int height = std::max(1, box / 4);
            const int width = std::max(1, box * static_cast<int>(share) / share_steps);
            painter.fillRect(0, box - height, width, height,
                             overlay_ == Overlay::sharing ? surface_of(palette()).text
                                                          : look(Mark::local, theme).fill);
        }
    }
    painter.end();
    return &stamps_.emplace(key, stamp).first->second;
}

void BlobGrid::render() {
    const double ratio = devicePixelRatioF();
    const QSize size = (QSizeF(viewport()->size()) * ratio).toSize();
    if (image_.size() != size)
        image_ = QImage(size, QImage::Format_RGB32);
    if (image_.isNull())
        return;
    image_.setDevicePixelRatio(1);
    if (gutter_ + static_cast<int>(columns_) * side_ > image_.width()) {
        image_.fill(surface_of(palette()).base); // too narrow for a cell
        image_.setDevicePixelRatio(ratio);
        return;
    }
    const std::uint64_t first = first_visible();
    if (overlay_ == Overlay::heat) {
        most_touches_ = 1;
        for (std::size_t at = 0; at < cells_.size(); ++at)
            most_touches_ = std::max<double>(
                most_touches_, touches_.in({device_, space_.range(first + at)}).count);
    }
    // What the cells leave free; their own pixels are written once.
    const QRgb base = surface_of(palette()).base.rgb();
    const auto clear = [&](int line, int from) {
        auto* pixels = reinterpret_cast<QRgb*>(image_.scanLine(line));
        std::fill(pixels, pixels + gutter_, base);
        std::fill(pixels + from, pixels + image_.width(), base);
    };
    std::vector<const QImage*> row(columns_);
    const auto side = static_cast<std::size_t>(side_);
    int top = -(scroll() % side_);
    for (std::size_t at = 0; at < cells_.size(); at += columns_, top += side_) {
        const std::size_t count = std::min<std::size_t>(columns_, cells_.size() - at);
        for (std::size_t i = 0; i < count; ++i)
            row[i] = stamp_of(cells_[at + i], first + at + i);
        for (int line = std::max(0, -top); line < side_ && top + line < image_.height(); ++line) {
            uchar* to = image_.scanLine(top + line) + static_cast<std::size_t>(gutter_) * 4;
            for (std::size_t i = 0; i < count; ++i, to += side * 4)
                std::memcpy(to, row[i]->constScanLine(line), side * 4);
            clear(top + line, gutter_ + static_cast<int>(count) * side_);
        }
    }
    for (int line = std::max(0, top); line < image_.height(); ++line)
        clear(line, gutter_);
    image_.setDevicePixelRatio(ratio);
}

} // namespace coldscope::app
