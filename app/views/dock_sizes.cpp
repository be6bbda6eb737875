#include "app/views/dock_sizes.h"

#include <QDockWidget>
#include <QEvent>
#include <QMainWindow>
#include <QStatusBar>
#include <QStyle>
#include <QTabBar>
#include <QTimer>
#include <algorithm>

namespace coldscope::app {

namespace {

// Logical pixels, and shares of the window.
constexpr int left_least = 260;
constexpr int right_least = 325;
constexpr double left_share = 0.21;
constexpr double right_share = 0.23;
constexpr int side_most = 460; // at first
constexpr double most_share = 0.28;
constexpr double below_share = 0.29;
constexpr int most_rounds = 8;

int side(int width, double share, int least) {
    return std::clamp(static_cast<int>(width * share), least, side_most);
}

} // namespace

DockSizes::DockSizes(QMainWindow& window) : QObject(&window), window_(window) {
    timer_.setSingleShot(true);
    connect(&timer_, &QTimer::timeout, this, &DockSizes::apply);
    window_.installEventFilter(this);
    for (const char* name : {"image", "request"})
        dock(name)->installEventFilter(this);
    make_first();
}

QDockWidget* DockSizes::dock(const char* name) const {
    return window_.findChild<QDockWidget*>(QLatin1String(name));
}

void DockSizes::make_first() {
    left_ = side(window_.width(), left_share, left_least);
    right_ = side(window_.width(), right_share, right_least);
    below_ = below_share;
    room_changes();
}

void DockSizes::room_changes() {
    settled_ = QSize();
    rounds_ = most_rounds;
    // Sizes count once all is where it belongs.
    timer_.start(0);
}

void DockSizes::keep() {
    timer_.stop();
    settle();
    remember();
}

bool DockSizes::eventFilter(QObject* object, QEvent* event) {
    if (event->type() == QEvent::Resize) {
        if (object == &window_)
            room_changes();
        else
            remember();
    }
    return false;
}

bool DockSizes::in_place() const {
    const auto is_at = [this](const char* name, Qt::DockWidgetArea area) {
        const QDockWidget* one = dock(name);
        return !one->isFloating() && !one->isHidden() && window_.dockWidgetArea(dock(name)) == area;
    };
    return is_at("image", Qt::LeftDockWidgetArea) && is_at("timeline", Qt::RightDockWidgetArea) &&
           is_at("request", Qt::RightDockWidgetArea) && is_at("requests", Qt::BottomDockWidgetArea);
}

int DockSizes::border() const {
    return window_.style()->pixelMetric(QStyle::PM_DockWidgetSeparatorExtent, nullptr, &window_);
}

void DockSizes::remember() {
    if (window_.size() != settled_ || !in_place())
        return;
    left_ = dock("image")->width();
    right_ = dock("request")->width();
    // What is below has tabs too.
    const int bottom = window_.height() - window_.statusBar()->height();
    const QRect above = dock("image")->geometry();
    below_ = static_cast<double>(bottom - above.y() - above.height() - border()) / window_.height();
}

void DockSizes::settle() {
    settled_ = window_.size();
    // Qt leaves bars without a tab behind, and their base lines.
    for (QTabBar* bar : window_.findChildren<QTabBar*>(QString(), Qt::FindDirectChildrenOnly)) {
        if (bar->count() == 0)
            bar->hide();
    }
}

// The row above has no size that can be set: it comes nearer to what is left each time.
void DockSizes::apply() {
    if (rounds_-- == 0 || !in_place())
        return settle();
    // Sums that are not the room's would be made up for by all.
    // In a smaller window the sides give way.
    const int left =
        std::min(left_, std::max(static_cast<int>(window_.width() * most_share), left_least));
    const int right =
        std::min(right_, std::max(static_cast<int>(window_.width() * most_share), right_least));
    const int middle = window_.width() - left - right - 2 * border();
    const int below = static_cast<int>(below_ * window_.height());
    const int above =
        window_.height() - window_.statusBar()->height() - dock("image")->y() - below - border();
    if (dock("image")->width() == left && dock("request")->width() == right &&
        dock("image")->height() == above)
        return settle();
    window_.resizeDocks({dock("image"), dock("timeline"), dock("request")},
                        {left, std::max(middle, 1), right}, Qt::Horizontal);
    window_.resizeDocks({dock("image"), dock("requests")}, {std::max(above, 1), below},
                        Qt::Vertical);
    timer_.start(0);
}

} // namespace coldscope::app
