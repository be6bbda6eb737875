#include "app/timeline/timeline_view.h"

#include "app/style/marks.h"
#include "app/timeline/timeline_canvas.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace coldscope::app {

namespace {
constexpr double zoom_step = 0.5; // of the time in the window, for a press of a button
} // namespace

TimelineView::TimelineView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), canvas_(new TimelineCanvas(workspace, this)) {
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    rows->addWidget(make_controls());
    rows->addWidget(canvas_, 1);
    setFocusProxy(canvas_);
    setAccessibleName(tr("Timeline"));
    connect(&workspace.host(), &RunHost::phase_changed, this, &TimelineView::update_state);
    connect(canvas_, &TimelineCanvas::follow_changed, this, &TimelineView::update_state);
    update_state();
}

QWidget* TimelineView::make_controls() {
    auto* bar = new QWidget(this);
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(8, 4, 8, 4);
    row->setSpacing(6);
    auto* label = new QLabel(tr("&By"), bar);
    by_ = new QComboBox(bar);
    by_->addItem(tr("object"), static_cast<int>(Grouping::object));
    by_->addItem(tr("process"), static_cast<int>(Grouping::process));
    by_->addItem(tr("file"), static_cast<int>(Grouping::file));
    by_->setAccessibleName(tr("Lanes by"));
    by_->setToolTip(tr("What has lanes of its own"));
    label->setBuddy(by_);
    connect(by_, &QComboBox::currentIndexChanged, this,
            [this] { canvas_->set_grouping(static_cast<Grouping>(by_->currentData().toInt())); });
    row->addWidget(label);
    row->addWidget(by_);
    simulated_ = new QLabel(tr("SIMULATED"), bar);
    simulated_->setObjectName(QStringLiteral("simulated"));
    simulated_->setToolTip(tr("A kernel inside the program asks, not this machine's"));
    row->addSpacing(6);
    row->addWidget(simulated_);
    row->addStretch(1);

    const auto button = [&](const char* picture, const QString& text, auto act) {
        auto* made = new QToolButton(bar);
        made->setIcon(icon(picture));
        made->setAutoRaise(true);
        made->setToolTip(text);
        made->setAccessibleName(text);
        made->setFocusPolicy(Qt::TabFocus);
        connect(made, &QToolButton::clicked, this, act);
        row->addWidget(made);
        return made;
    };
    button("zoom-in", tr("Zoom in (+)"), &TimelineView::zoom_in);
    button("zoom-out", tr("Zoom out (−)"), &TimelineView::zoom_out);
    button("zoom-fit-best", tr("Show the whole run (0)"), &TimelineView::show_all);
    follow_ = new QToolButton(bar);
    follow_->setObjectName(QStringLiteral("follow"));
    follow_->setText(tr("&Follow"));
    follow_->setCheckable(true);
    follow_->setAutoRaise(true);
    follow_->setFocusPolicy(Qt::TabFocus);
    follow_->setAccessibleName(tr("Follow the present"));
    follow_->setToolTip(tr("The right edge is now (End)"));
    connect(follow_, &QToolButton::clicked, this, &TimelineView::follow);
    row->addWidget(follow_);
    return bar;
}

void TimelineView::update_state() {
    follow_->setEnabled(workspace_.host().live());
    follow_->setChecked(canvas_->following());
    simulated_->setVisible(workspace_.host().simulated());
}

void TimelineView::zoom_in() {
    canvas_->zoom(zoom_step);
}

void TimelineView::zoom_out() {
    canvas_->zoom(1 / zoom_step);
}

void TimelineView::show_all() {
    canvas_->show_all();
}

void TimelineView::follow(bool on) {
    canvas_->follow(on);
    update_state();
}

} // namespace coldscope::app
