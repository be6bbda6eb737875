#include "app/style/frame_gate.h"

#include <QEvent>
#include <QWidget>
#include <algorithm>

namespace coldscope::app {

namespace {
constexpr int frame_ms = 16;
constexpr int cost_factor = 8; // at most an eighth of the time goes into the work
} // namespace

FrameGate::FrameGate(QWidget* view, std::function<void()> work)
    : QObject(view), view_(view), work_(std::move(work)) {
    timer_.setSingleShot(true);
    timer_.setInterval(frame_ms);
    connect(&timer_, &QTimer::timeout, this, &FrameGate::work_if_shown);
    view_->installEventFilter(this);
}

void FrameGate::ask() {
    due_ = true;
    if (!timer_.isActive())
        timer_.start();
}

void FrameGate::flush() {
    if (!due_)
        return;
    due_ = false;
    QElapsedTimer took;
    took.start();
    work_();
    timer_.setInterval(std::max(frame_ms, static_cast<int>(took.elapsed()) * cost_factor));
}

void FrameGate::work_if_shown() {
    if (view_->isVisible())
        flush();
}

bool FrameGate::eventFilter(QObject* watched, QEvent* event) {
    if (watched == view_ && event->type() == QEvent::Show && due_ && !timer_.isActive())
        timer_.start(0);
    return QObject::eventFilter(watched, event);
}

} // namespace coldscope::app
