// The canvas as a plot of offsets in one object over time.
#include "app/style/text.h"
#include "app/timeline/timeline_canvas.h"

#include <QPainter>
#include <QScrollBar>
#include <array>
#include <cmath>

namespace coldscope::app {

namespace {
constexpr double offset_slack = 4; // logical: how far beside a request a pointer may be
} // namespace

void TimelineCanvas::set_mode(Mode mode) {
    if (mode == mode_)
        return;
    mode_ = mode;
    verticalScrollBar()->setValue(0);
    lay_out();
    if (chosen_)
        reveal(*chosen_);
}

void TimelineCanvas::set_object(ObjectId object) {
    object_set_ = true;
    if (object == object_)
        return;
    object_ = object;
    if (mode_ == Mode::offset)
        repaint_lanes();
    Q_EMIT objects_changed();
}

std::vector<ObjectId> TimelineCanvas::objects() const {
    std::vector<ObjectId> objects;
    for (const auto& [object, end] : ends_)
        objects.push_back(object);
    return objects;
}

void TimelineCanvas::note_objects() {
    const EventStore& store = workspace_.host().store();
    const std::size_t before = ends_.size();
    for (; noted_ < store.size(); ++noted_) {
        const RequestRow& row = store[noted_];
        std::uint64_t& end = ends_[row.object];
        end = std::max(end, row.offset + row.length);
    }
    if (ends_.size() == before)
        return;
    if (before == 0 && !ends_.contains(object_))
        object_ = ends_.begin()->first;
    Q_EMIT objects_changed();
}

std::uint64_t TimelineCanvas::object_size() const {
    const auto end = ends_.find(object_);
    std::uint64_t size = end == ends_.end() ? 0 : end->second;
    if (const auto& image = workspace_.image()) {
        if (object_ < image->device_count())
            size = std::max(size, image->device_size(static_cast<std::uint16_t>(object_)));
        else if (object_ >= first_file_object && object_ - first_file_object < image->index.size())
            size = std::max(size, image->index.node(object_ - first_file_object).size);
    }
    return std::max<std::uint64_t>(size, 1);
}

std::vector<Lanes::LaneId> TimelineCanvas::lanes_of_object() const {
    if (model_.grouping() != Grouping::object)
        return model_.rows();
    for (const Lanes::Group& group : model_.lanes().groups()) {
        if (group.key == object_)
            return group.lanes;
    }
    return {};
}

OffsetScene TimelineCanvas::offset_scene(const TimeScale& scale,
                                         std::span<const Lanes::LaneId> lanes) const {
    return {workspace_.host().store(),
            model_.lanes(),
            lanes,
            object_,
            object_size(),
            scale.axis(),
            now(),
            frame_.ratio,
            theme_of(palette()),
            surface_of(palette()),
            {}};
}

std::optional<Row> TimelineCanvas::offset_request_at(const QPoint& point) const {
    const double height = std::max(1, frame_.plot().height());
    const std::uint64_t size = object_size();
    const double share = 1 - (point.y() + 0.5 - frame_.plot().top()) / height;
    const auto byte =
        static_cast<std::uint64_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(size));
    const auto byte_slack =
        static_cast<std::uint64_t>(offset_slack / height * static_cast<double>(size)) + 1;
    const std::int64_t column = column_at(point.x() + 0.5);
    const auto slack = static_cast<Nanoseconds>(std::ceil(offset_slack * frame_.ratio));
    const std::vector<Lanes::LaneId> lanes = lanes_of_object();
    return offset_hit_test(offset_scene(scale_, lanes), scale_.time_at(column) + scale_.step / 2,
                           slack * scale_.step, byte, byte_slack);
}

void TimelineCanvas::paint_offset_labels(QPainter& painter) {
    const Surface surface = surface_of(palette());
    const QRect area = frame_.labels();
    const QFontMetrics metrics(painter.font());
    painter.setPen(surface.faint);
    const std::uint64_t size = object_size();
    // From the top to the bottom, as far apart as they can be read.
    const int parts = area.height() > 12 * metrics.height()  ? 4
                      : area.height() > 5 * metrics.height() ? 2
                                                             : 1;
    for (int i = 0; i <= parts; ++i) {
        const int y = area.top() + area.height() * i / parts;
        const int top =
            std::clamp(y - metrics.height() / 2, area.top(), area.bottom() - metrics.height());
        const std::uint64_t byte =
            size / static_cast<unsigned>(parts) * static_cast<unsigned>(parts - i);
        painter.drawText(QRect(area.left() + 8, top, area.width() - 14, metrics.height()),
                         Qt::AlignRight | Qt::AlignVCenter,
                         i == 0       ? size_text(size)
                         : i == parts ? tr("0")
                                      : size_text(byte));
    }
    painter.fillRect(
        QRectF(area.right() + 1 - 1 / frame_.ratio, area.top(), 1 / frame_.ratio, area.height()),
        surface.grid);
    if (offset_painter_.every() > 1) {
        const QString text = tr("one in %1 of the requests; zoom in for all")
                                 .arg(count_text(offset_painter_.every()));
        const QRect plot = frame_.plot();
        const QRect box(plot.right() - metrics.horizontalAdvance(text) - 16, plot.top() + 4,
                        metrics.horizontalAdvance(text) + 12, metrics.height() + 4);
        painter.fillRect(box, surface.alternate);
        painter.setPen(surface.faint);
        painter.drawText(box, Qt::AlignCenter, text);
    }
}

} // namespace coldscope::app
