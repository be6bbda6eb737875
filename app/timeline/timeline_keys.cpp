// What a pointer and a keyboard do on the canvas.
#include "app/steer/steering.h"
#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/timeline/timeline_canvas.h"

#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QScrollBar>
#include <QToolTip>
#include <QWheelEvent>
#include <cmath>

namespace coldscope::app {

namespace {

constexpr double notch = 120;      // of a wheel, in eighths of a degree
constexpr double zoom_step = 0.7;  // of the time in the window, for a notch or a key
constexpr double slack_pixels = 3; // logical: how far beside a request a pointer may be

QString process_of(const EventStore& store, const RequestRow& row) {
    const Reader& reader = store.reader(row);
    const QString name =
        QString::fromUtf8(reader.name().data(), static_cast<qsizetype>(reader.name().size()));
    return QStringLiteral("%1 (%2)").arg(name).arg(reader.pid);
}

QString state_text(const EventStore& store, Row request) {
    const RequestState state = store.state(request);
    if (state == RequestState::prefetched && store[request].result != 0)
        return QStringLiteral("%1: %2").arg(app::name(state), errno_text(store[request].result));
    return state == RequestState::failed
               ? QStringLiteral("%1, %2").arg(app::name(state), errno_text(store[request].result))
               : app::name(state);
}

QString files_text(const Workspace& workspace, const RequestRow& row, const QString& between) {
    const Workspace::Files files = workspace.files_of(row);
    QStringList paths;
    for (const erofs::NodeId node : files.nodes)
        paths.push_back(workspace.path_of(node));
    if (files.more)
        paths.push_back(TimelineCanvas::tr("and others"));
    return paths.isEmpty() ? TimelineCanvas::tr("metadata") : paths.join(between);
}

Nanoseconds origin_of(const Workspace& workspace) {
    const RunHost& host = workspace.host();
    return host.began_at() != 0 ? host.began_at() : host.store().earliest();
}

} // namespace

QString request_text(const Workspace& workspace, Row request) {
    const RunHost& host = workspace.host();
    const EventStore& store = host.store();
    const RequestRow& row = store[request];
    const Steering steering = store.steering(row);
    QStringList lines;
    lines.push_back(
        TimelineCanvas::tr("Request %1: %2").arg(count_text(row.id), state_text(store, request)));
    lines.push_back(QStringLiteral("%1, %2").arg(
        workspace.object_name(row.object), range_text({row.offset, row.offset + row.length})));
    lines.push_back(TimelineCanvas::tr("asked by %1").arg(process_of(store, row)));
    const Nanoseconds origin = origin_of(workspace);
    QString times = TimelineCanvas::tr("at %1").arg(since_text(row.start, origin));
    if (row.open()) {
        const Nanoseconds now = host.began_at() != 0 ? host.now() : store.latest();
        times += TimelineCanvas::tr(", for %1 until now")
                     .arg(duration_text(std::max(now, row.start) - row.start));
    } else {
        times += TimelineCanvas::tr(", took %1").arg(duration_text(row.end() - row.start));
    }
    lines.push_back(times);
    QStringList parts;
    const auto part = [&](Nanoseconds time, const QString& what) {
        if (time != 0)
            parts.push_back(QStringLiteral("%1 +%2").arg(
                what, duration_text(time - std::min(time, row.start))));
    };
    part(steering.held, name(Mark::held));
    part(steering.delayed, name(Mark::delayed));
    part(row.fetching, name(Mark::fetching));
    part(row.filling, name(Mark::filling));
    if (!parts.isEmpty())
        lines.push_back(parts.join(QStringLiteral(", ")));
    lines.push_back(files_text(workspace, row, QStringLiteral("\n")));
    return lines.join(u'\n');
}

QString request_line(const Workspace& workspace, Row request) {
    const RunHost& host = workspace.host();
    const EventStore& store = host.store();
    const RequestRow& row = store[request];
    const QString duration =
        row.open() ? TimelineCanvas::tr("open") : duration_text(row.end() - row.start);
    return QStringList{QStringLiteral("#%1").arg(row.id),
                       since_text(row.start, origin_of(workspace)),
                       duration,
                       state_text(store, request),
                       workspace.object_name(row.object),
                       range_text({row.offset, row.offset + row.length}),
                       process_of(store, row),
                       files_text(workspace, row, QStringLiteral(" "))}
        .join(u'\t');
}

std::optional<Row> TimelineCanvas::request_at(const QPoint& point) const {
    const QRect plot = frame_.plot();
    if (!plot.contains(point) || model_.rows().empty())
        return std::nullopt;
    if (mode_ == Mode::offset)
        return offset_request_at(point);
    const int y = static_cast<int>(std::floor((point.y() - plot.top()) * frame_.ratio)) + scroll();
    const auto row = static_cast<std::size_t>(y / heights_.pitch);
    if (row >= model_.rows().size())
        return std::nullopt;
    // In the middle of the logical pixel.
    const std::int64_t column = column_at(point.x() + 0.5);
    const Nanoseconds time = scale_.time_at(column) + scale_.step / 2;
    const auto slack = static_cast<Nanoseconds>(std::ceil(slack_pixels * frame_.ratio));
    return hit_test(model_.lanes().lane(model_.rows()[row]), workspace_.host().store(), time,
                    slack * scale_.step, now());
}

bool TimelineCanvas::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const auto request = request_at(help->pos());
        if (request)
            QToolTip::showText(help->globalPos(), request_text(workspace_, *request), viewport());
        else
            QToolTip::hideText();
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void TimelineCanvas::wheelEvent(QWheelEvent* event) {
    event->accept();
    QPoint delta = event->angleDelta();
    const Qt::KeyboardModifiers keys = event->modifiers();
    if (delta.isNull())
        return;
    if ((keys & Qt::ControlModifier) != 0) {
        const int by = delta.y() * 3 * heights_.pitch / static_cast<int>(notch);
        verticalScrollBar()->setValue(scroll() - by);
        return;
    }
    if ((keys & Qt::ShiftModifier) != 0 && delta.x() == 0)
        delta = {delta.y(), 0};
    if (std::abs(delta.x()) > std::abs(delta.y()))
        pan(std::llround(-delta.x() / notch * scale_.width / 16));
    else
        zoom_at(std::pow(zoom_step, delta.y() / notch),
                event->position().x() - frame_.plot().left());
}

void TimelineCanvas::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton)
        return;
    pressed_at_ = pointer_ = event->position().toPoint();
    pressed_scale_ = scale_;
    pressed_scroll_ = scroll();
    drag_ = (event->modifiers() & Qt::ShiftModifier) != 0 ? Drag::spanning : Drag::pressed;
}

void TimelineCanvas::mouseMoveEvent(QMouseEvent* event) {
    pointer_ = event->position().toPoint();
    if (drag_ == Drag::pressed &&
        (pointer_ - pressed_at_).manhattanLength() >= QApplication::startDragDistance()) {
        drag_ = Drag::panning;
        viewport()->setCursor(Qt::ClosedHandCursor);
    }
    if (drag_ == Drag::panning) {
        const QPoint moved = pointer_ - pressed_at_;
        if (moved.x() != 0 || !following_)
            user_looks_at(panned(pressed_scale_, -std::llround(moved.x() * frame_.ratio)));
        verticalScrollBar()->setValue(pressed_scroll_ -
                                      static_cast<int>(std::lround(moved.y() * frame_.ratio)));
    } else if (drag_ == Drag::spanning) {
        viewport()->update();
    }
}

void TimelineCanvas::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton)
        return;
    const Drag was = std::exchange(drag_, Drag::none);
    viewport()->unsetCursor();
    viewport()->update();
    if (was == Drag::pressed) {
        if (const auto request = request_at(pressed_at_))
            workspace_.choose_request(*request);
    } else if (was == Drag::spanning) {
        const int left = std::min(pressed_at_.x(), event->position().toPoint().x());
        const int right = std::max(pressed_at_.x(), event->position().toPoint().x());
        if (right - left >= 2)
            show_span(scale_.time_at(column_at(left)), scale_.time_at(column_at(right)));
    }
}

void TimelineCanvas::contextMenuEvent(QContextMenuEvent* event) {
    std::optional<Row> request = chosen_;
    QPoint place = event->globalPos();
    if (event->reason() == QContextMenuEvent::Mouse) {
        request = request_at(event->pos());
        if (request)
            workspace_.choose_request(*request);
    } else if (request) {
        if (const auto rect = rect_of(*request))
            place = viewport()->mapToGlobal(rect->intersected(plot()).center().toPoint());
    }
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    if (request) {
        add_steering(*menu, workspace_, target_of(workspace_, {*request}));
        menu->addSeparator();
        menu->addAction(tr("Zoom to this request"), this, [this, row = *request] { zoom_to(row); });
        menu->addAction(tr("Copy row"), this, [this, row = *request] { copy_row(row); });
    }
    menu->addAction(tr("Copy picture"), this, &TimelineCanvas::copy_picture);
    menu->addAction(tr("Show the whole run"), this, &TimelineCanvas::show_all);
    menu->popup(place);
}

void TimelineCanvas::copy_row(Row request) {
    QApplication::clipboard()->setText(request_line(workspace_, request));
}

void TimelineCanvas::copy_picture() {
    QApplication::clipboard()->setImage(viewport()->grab().toImage());
}

void TimelineCanvas::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy)) {
        if (chosen_)
            copy_row(*chosen_);
        return;
    }
    const Qt::KeyboardModifiers keys = event->modifiers() & ~Qt::KeypadModifier;
    const auto page = static_cast<std::int64_t>(scale_.width);
    if (keys == Qt::ShiftModifier &&
        (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right)) {
        pan((event->key() == Qt::Key_Left ? -1 : 1) * std::max<std::int64_t>(1, page / 8));
        return;
    }
    if ((keys & ~Qt::ShiftModifier) != 0) { // back, forward and the window's own
        event->ignore();
        return;
    }
    switch (event->key()) {
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        zoom(zoom_step);
        return;
    case Qt::Key_Minus:
        zoom(1 / zoom_step);
        return;
    case Qt::Key_0:
        show_all();
        return;
    case Qt::Key_Home:
        pan(scale_.column_of(limits().begin));
        return;
    case Qt::Key_End:
        if (workspace_.host().live())
            follow(true);
        else
            pan(scale_.column_of(limits().end) - page + 1);
        return;
    case Qt::Key_PageUp:
        verticalScrollBar()->triggerAction(QAbstractSlider::SliderPageStepSub);
        return;
    case Qt::Key_PageDown:
        verticalScrollBar()->triggerAction(QAbstractSlider::SliderPageStepAdd);
        return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (chosen_)
            zoom_to(*chosen_);
        return;
    default:
        if (!choose_by_key(event->key()))
            event->ignore();
    }
}

bool TimelineCanvas::choose_by_key(int key) {
    const bool known = key == Qt::Key_J || key == Qt::Key_K || key == Qt::Key_Left ||
                       key == Qt::Key_Right || key == Qt::Key_Up || key == Qt::Key_Down;
    if (!known || workspace_.host().store().size() == 0)
        return known;
    if (!chosen_) {
        choose_first_seen();
        return true;
    }
    if (key == Qt::Key_J || key == Qt::Key_K)
        choose_in_order(key == Qt::Key_J ? 1 : -1);
    else if (key == Qt::Key_Left || key == Qt::Key_Right)
        choose_in_lane(key == Qt::Key_Right ? 1 : -1);
    else
        choose_across(key == Qt::Key_Down ? 1 : -1);
    return true;
}

// By arrival, in whatever lane.
void TimelineCanvas::choose_in_order(int step) {
    if (step < 0 && *chosen_ == 0)
        return;
    workspace_.choose_request(*chosen_ + static_cast<Row>(step));
}

void TimelineCanvas::choose_in_lane(int step) {
    const EventStore& store = workspace_.host().store();
    const auto row = model_.row_of(store, *chosen_);
    if (!row)
        return;
    const Lane& lane = model_.lanes().lane(model_.rows()[*row]);
    // An open request is the last of its lane.
    const std::size_t count = lane.size() + (lane.open() ? 1 : 0);
    const std::size_t at = position_in(lane, store, *chosen_).value_or(lane.size());
    if ((step < 0 && at == 0) || (step > 0 && at + 1 >= count))
        return;
    const std::size_t to = step < 0 ? at - 1 : at + 1;
    workspace_.choose_request(to < lane.size() ? lane.row(to) : lane.open()->row);
}

// The nearest in time in the next lane that has any.
void TimelineCanvas::choose_across(int step) {
    const EventStore& store = workspace_.host().store();
    const auto row = model_.row_of(store, *chosen_);
    if (!row)
        return;
    const Nanoseconds time = store[*chosen_].start;
    auto at = static_cast<std::int64_t>(*row) + step;
    for (; at >= 0 && at < static_cast<std::int64_t>(model_.rows().size()); at += step) {
        const Lane& lane = model_.lanes().lane(model_.rows()[static_cast<std::size_t>(at)]);
        constexpr Nanoseconds any = std::numeric_limits<Nanoseconds>::max() / 4;
        std::optional<Row> nearest;
        Nanoseconds distance = any;
        const auto consider = [&](Nanoseconds start, Nanoseconds end, Row request) {
            const Nanoseconds away = time < start ? start - time : time > end ? time - end : 0;
            if (away < distance) {
                distance = away;
                nearest = request;
            }
        };
        std::size_t low = 0;
        for (std::size_t high = lane.size(); low < high;) {
            const std::size_t middle = low + (high - low) / 2;
            if (lane.end(middle) < time)
                low = middle + 1;
            else
                high = middle;
        }
        for (std::size_t i = low == 0 ? 0 : low - 1; i < std::min(low + 1, lane.size()); ++i)
            consider(lane.start(i), lane.end(i), lane.row(i));
        if (lane.open())
            consider(lane.open()->start, std::max(now(), lane.open()->start), lane.open()->row);
        if (nearest) {
            workspace_.choose_request(*nearest);
            return;
        }
    }
}

// The first in the topmost lane that is seen; else the first of all.
void TimelineCanvas::choose_first_seen() {
    std::vector<VisibleSpan> spans;
    const RowsSeen seen = rows_seen(model_, heights_, scroll(), frame_.plot_pixels().height());
    for (const LaneRow& row : seen.rows) {
        find_visible(model_.lanes().lane(row.lane), workspace_.host().store(), scale_.axis(), now(),
                     spans);
        if (!spans.empty()) {
            workspace_.choose_request(spans.front().row);
            return;
        }
    }
    workspace_.choose_request(0);
}

} // namespace coldscope::app
