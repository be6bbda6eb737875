#include "app/timeline/timeline_canvas.h"

#include <QResizeEvent>
#include <QScrollBar>
#include <cmath>

namespace coldscope::app {

namespace {
constexpr Nanoseconds live_window = 5 * second; // what a run that begins shows
constexpr int offset_label = 96;                // logical pixels; a multiple of 4
constexpr int settle_ms = 300;
constexpr Nanoseconds empty_window = second;
} // namespace

TimelineCanvas::TimelineCanvas(Workspace& workspace, QWidget* parent)
    : QAbstractScrollArea(parent), workspace_(workspace), model_(names_of(workspace)) {
    setAccessibleName(tr("Timeline"));
    setAccessibleDescription(
        tr("Requests over time, a lane for each object, process or file. J and "
           "K choose the next and the previous request, Enter zooms to it."));
    setFocusPolicy(Qt::StrongFocus);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    viewport()->setMouseTracking(true);
    viewport()->setAttribute(Qt::WA_OpaquePaintEvent);
    settle_.setSingleShot(true);
    settle_.setInterval(settle_ms);
    connect(&settle_, &QTimer::timeout, this, &TimelineCanvas::remember);

    RunHost& host = workspace.host();
    connect(&host, &RunHost::began, this, &TimelineCanvas::begin);
    connect(&host, &RunHost::advanced, this, &TimelineCanvas::advance);
    connect(&host, &RunHost::ticked, this, &TimelineCanvas::tick);
    connect(&host, &RunHost::phase_changed, this, &TimelineCanvas::phase_changed);
    connect(&workspace, &Workspace::image_changed, this,
            [this] { set_grouping(model_.grouping()); });
    connect(&workspace.selection(), &Selection::changed, this, &TimelineCanvas::selection_changed);
    model_.regroup(Grouping::object, host.store());
    note_objects();
    lay_out();
    selection_changed();
    if (host.live())
        follow(true);
}

void TimelineCanvas::set_grouping(Grouping grouping) {
    model_.regroup(grouping, workspace_.host().store());
    verticalScrollBar()->setValue(0);
    lay_out();
    repaint_lanes();
    if (chosen_)
        reveal(*chosen_);
}

Nanoseconds TimelineCanvas::origin() const {
    const RunHost& host = workspace_.host();
    return host.began_at() != 0 ? host.began_at() : host.store().earliest();
}

Nanoseconds TimelineCanvas::now() const {
    const RunHost& host = workspace_.host();
    const Nanoseconds latest = host.store().latest();
    return host.began_at() != 0 ? std::max(host.now(), latest) : latest;
}

TimeLimits TimelineCanvas::limits() const {
    const EventStore& store = workspace_.host().store();
    TimeLimits limits{origin(), std::max(now(), store.latest())};
    if (store.size() != 0)
        limits.begin = std::min(limits.begin, store.earliest());
    if (limits.end <= limits.begin)
        limits.end = limits.begin + (store.size() == 0 ? empty_window : TimeScale::least_window);
    const Nanoseconds margin = limits.length() / 50 + 1;
    return {limits.begin - std::min(limits.begin, margin), limits.end + margin};
}

TimeLimits TimelineCanvas::reach() const {
    TimeLimits all = limits();
    if (following_ || workspace_.host().live())
        all.begin = std::min(all.begin, all.end - std::min(all.end, live_window));
    return all;
}

// ---- What happens in the run

void TimelineCanvas::begin() {
    model_.regroup(model_.grouping(), workspace_.host().store());
    chosen_.reset();
    remembered_.reset();
    settle_.stop();
    ends_.clear();
    noted_ = 0;
    object_set_ = false;
    shows_all_ = true;
    drag_ = Drag::none;
    lay_out();
    follow(true);
    repaint_lanes();
}

void TimelineCanvas::advance() {
    if (isVisible())
        refresh();
}

void TimelineCanvas::refresh() {
    const std::size_t rows = model_.rows().size();
    note_objects();
    if (model_.update(workspace_.host().store()))
        image_good_ = false;
    if (rows != model_.rows().size())
        lay_out();
    tick();
}

void TimelineCanvas::tick() {
    if (!isVisible())
        return;
    if (following_)
        follow_now();
    else if (shows_all_)
        look_at(fitted(limits().begin, limits().end, scale_.width));
    if (!workspace_.host().store().open_rows().empty() && drawn_now_ != now())
        image_good_ = false;
    if (!image_good_) {
        viewport()->update();
        Q_EMIT view_changed();
    }
}

void TimelineCanvas::phase_changed() {
    if (!workspace_.host().live() && following_) {
        follow_now();
        follow(false);
    }
    refresh();
}

// ---- Where it looks

void TimelineCanvas::look_at(const TimeScale& scale) {
    if (scale == scale_)
        return;
    scale_ = scale;
    viewport()->update();
    Q_EMIT view_changed();
}

void TimelineCanvas::user_looks_at(const TimeScale& scale, bool stays_now) {
    Selection& selection = workspace_.selection();
    const bool elsewhere = !(scale == scale_);
    // Where it was before the first act is worth going back to.
    if (elsewhere && !following_ && !selection.current().view && !settle_.isActive() &&
        workspace_.host().store().size() != 0)
        remember();
    if (!stays_now)
        follow(false);
    if (elsewhere) {
        shows_all_ = false;
        look_at(kept_within(scale, reach()));
    }
    if (following_)
        follow_now();
    else
        settle_.start();
}

void TimelineCanvas::show_span(Nanoseconds begin, Nanoseconds end) {
    user_looks_at(fitted(begin, end, scale_.width));
}

void TimelineCanvas::show_all() {
    const TimeLimits all = limits();
    user_looks_at(fitted(all.begin, all.end, scale_.width));
    shows_all_ = true;
}

void TimelineCanvas::zoom(double factor) {
    const auto column = following_ ? static_cast<std::int64_t>(scale_.width) - 1
                                   : static_cast<std::int64_t>(scale_.width / 2);
    TimeScale wanted = zoomed(scale_, factor, column);
    if (wanted.step == scale_.step)
        wanted = zoomed(scale_,
                        factor < 1 ? 1 - 1.0 / static_cast<double>(scale_.step)
                                   : 1 + 1.0 / static_cast<double>(scale_.step),
                        column);
    user_looks_at(wanted, following_);
}

void TimelineCanvas::zoom_at(double factor, double x) {
    factor = gesture_.add(factor, scale_.step);
    if (factor == 1)
        return;
    if (following_ && factor > 1)
        zoom(factor);
    else
        user_looks_at(zoomed(scale_, factor, static_cast<std::int64_t>(x * frame_.ratio)));
}

void TimelineCanvas::pan(std::int64_t columns) {
    if (columns != 0)
        user_looks_at(panned(scale_, columns));
}

void TimelineCanvas::zoom_to(Row request) {
    const EventStore& store = workspace_.host().store();
    if (request >= store.size())
        return;
    const RequestRow& row = store[request];
    const Nanoseconds end = row.open() ? std::max(now(), row.start) : row.end();
    const Nanoseconds margin = (end - row.start) / 4 + 100;
    show_span(row.start - std::min(row.start, margin), end + margin);
    if (chosen_ == request)
        reveal(request);
}

void TimelineCanvas::follow(bool on) {
    // Of a run that begins, began() comes before it is called live.
    const RunHost::Phase phase = workspace_.host().phase();
    if (on && phase != RunHost::Phase::live && phase != RunHost::Phase::starting)
        on = false;
    const bool changed = on != following_;
    following_ = on;
    if (on) {
        settle_.stop();
        if (shows_all_)
            scale_ = fitted(now() - std::min(now(), live_window), now(), scale_.width);
        shows_all_ = false;
        follow_now();
    }
    if (changed)
        Q_EMIT follow_changed(on);
}

void TimelineCanvas::follow_now() {
    TimeScale scale = scale_;
    scale.step =
        std::clamp(scale.step, least_step(scale.width), greatest_step(reach(), scale.width));
    look_at(ending_at(scale, now()));
}

void TimelineCanvas::remember() {
    const TimeSpan span{scale_.begin, scale_.end()};
    remembered_ = span;
    workspace_.selection().remember_view(span);
}

void TimelineCanvas::selection_changed() {
    const Chosen& chosen = workspace_.selection().current();
    const bool another = chosen.request != chosen_;
    chosen_ = chosen.request;
    viewport()->update();
    if (another && chosen_ && *chosen_ < workspace_.host().store().size() && !object_set_ &&
        object_ != workspace_.host().store()[*chosen_].object) {
        object_ = workspace_.host().store()[*chosen_].object;
        image_good_ = image_good_ && mode_ == Mode::time;
        Q_EMIT objects_changed();
    }
    if (chosen.view && chosen.view != remembered_) {
        // By back or forward.
        settle_.stop();
        remembered_ = chosen.view;
        shows_all_ = false;
        follow(false);
        look_at(kept_within(fitted(chosen.view->begin, chosen.view->end, scale_.width), reach()));
    } else if (another && chosen_) {
        reveal(*chosen_);
    }
}

void TimelineCanvas::reveal(Row request) {
    const EventStore& store = workspace_.host().store();
    if (request >= store.size())
        return;
    if (isVisible() || model_.rows().empty())
        model_.update(workspace_.host().store());
    const RequestRow& row = store[request];
    const Nanoseconds end = row.open() ? std::max(now(), row.start) : row.end();
    if (end < scale_.begin || row.start >= scale_.end())
        user_looks_at(panned(scale_, scale_.column_of(row.start) -
                                         static_cast<std::int64_t>(scale_.width / 2)));
    if (mode_ == Mode::offset)
        return;
    const auto at = model_.row_of(store, request);
    if (!at)
        return;
    const int top = static_cast<int>(*at) * heights_.pitch;
    const int height = frame_.plot_pixels().height();
    if (top < scroll())
        verticalScrollBar()->setValue(top);
    else if (top + heights_.pitch > scroll() + height)
        verticalScrollBar()->setValue(top + heights_.pitch - height);
}

// ---- Geometry

int TimelineCanvas::scroll() const {
    return verticalScrollBar()->value();
}

std::int64_t TimelineCanvas::column_at(double x) const {
    return static_cast<std::int64_t>(std::floor((x - frame_.plot().left()) * frame_.ratio));
}

void TimelineCanvas::lay_out() {
    const double ratio = viewport()->devicePixelRatioF();
    frame_ = frame_for(viewport()->size(), ratio, fontMetrics(), model_);
    if (mode_ == Mode::offset)
        frame_.label_width = std::min(frame_.label_width, offset_label);
    heights_ = lane_heights(ratio);
    const QSize pixels = frame_.plot_pixels();
    // The bar moves by device pixels.
    const int all =
        static_cast<int>(std::min<std::size_t>(model_.rows().size(), 10'000'000 / heights_.pitch) *
                             static_cast<std::size_t>(heights_.pitch) +
                         1);
    // Who follows the present and sees the last lane sees the next ones, too.
    const bool at_end = scroll() == verticalScrollBar()->maximum();
    verticalScrollBar()->setRange(0, mode_ == Mode::time ? std::max(0, all - pixels.height()) : 0);
    if (following_ && at_end)
        verticalScrollBar()->setValue(verticalScrollBar()->maximum());
    verticalScrollBar()->setPageStep(pixels.height());
    verticalScrollBar()->setSingleStep(heights_.pitch);
    const auto width = static_cast<std::uint32_t>(pixels.width());
    if (width != scale_.width || scale_.begin == 0) {
        const bool first = scale_.begin == 0;
        if (shows_all_ || first)
            scale_ = fitted(limits().begin, limits().end, width);
        else
            scale_ = kept_within(fitted(scale_.begin, scale_.end(), width), reach());
        if (following_)
            follow_now();
        Q_EMIT view_changed();
    }
    image_good_ = false;
    viewport()->update();
}

std::optional<QRectF> TimelineCanvas::rect_of(Row request) const {
    const EventStore& store = workspace_.host().store();
    if (request >= store.size())
        return std::nullopt;
    const RequestRow& row = store[request];
    const Nanoseconds end = row.open() ? std::max(now(), row.start) : row.end();
    const auto at = model_.row_of(store, request);
    if (!at || end < scale_.begin || row.start >= scale_.end())
        return std::nullopt;
    const TimeAxis axis = scale_.axis();
    const double left = axis.column_of(row.start);
    const double right = axis.column_of(end) + 1.0;
    if (mode_ == Mode::offset) {
        if (row.object != object_)
            return std::nullopt;
        const OffsetRows rows =
            rows_of(row.offset, row.length, object_size(), frame_.plot_pixels().height());
        return QRectF(frame_.plot().left() + left / frame_.ratio,
                      frame_.plot().top() + rows.top / frame_.ratio, (right - left) / frame_.ratio,
                      (rows.bottom - rows.top) / frame_.ratio);
    }
    const double top = static_cast<double>(static_cast<int>(*at) * heights_.pitch - scroll() +
                                           (heights_.pitch - heights_.bar + 1) / 2);
    const QRect plot = frame_.plot();
    return QRectF(plot.left() + left / frame_.ratio, plot.top() + top / frame_.ratio,
                  (right - left) / frame_.ratio, heights_.bar / frame_.ratio);
}

void TimelineCanvas::resizeEvent(QResizeEvent*) {
    lay_out();
}

void TimelineCanvas::showEvent(QShowEvent* event) {
    QAbstractScrollArea::showEvent(event);
    lay_out();
    refresh();
}

void TimelineCanvas::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::FontChange || event->type() == QEvent::StyleChange ||
        event->type() == QEvent::PaletteChange)
        lay_out();
}

void TimelineCanvas::scrollContentsBy(int, int) {
    viewport()->update();
}

void TimelineCanvas::repaint_lanes() {
    image_good_ = false;
    viewport()->update();
}

} // namespace coldscope::app
