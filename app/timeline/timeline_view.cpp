#include "app/timeline/timeline_view.h"

#include "app/style/marks.h"
#include "app/timeline/overview_strip.h"
#include "app/timeline/timeline_canvas.h"
#include "app/timeline/toggle_button.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace coldscope::app {

namespace {
constexpr double button_zoom = 0.5; // of the time in the window, for a press of a button
} // namespace

TimelineView::TimelineView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), canvas_(new TimelineCanvas(workspace, this)),
      overview_(new OverviewStrip(workspace, *canvas_, this)) {
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    rows->addWidget(make_controls());
    rows->addWidget(overview_);
    rows->addWidget(canvas_, 1);
    setTabOrder(overview_, canvas_);
    setFocusProxy(canvas_);
    setAccessibleName(tr("Timeline"));
    connect(&workspace.host(), &RunHost::phase_changed, this, &TimelineView::update_state);
    connect(canvas_, &TimelineCanvas::follow_changed, this, &TimelineView::update_state);
    connect(canvas_, &TimelineCanvas::objects_changed, this, &TimelineView::update_objects);
    connect(&workspace.host(), &RunHost::began, this, &TimelineView::update_objects);
    connect(&workspace, &Workspace::image_changed, this, &TimelineView::update_objects);
    update_state();
    update_objects();
}

QWidget* TimelineView::make_controls() {
    auto* bar = new QWidget(this);
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(8, 4, 8, 4);
    row->setSpacing(6);
    by_label_ = new QLabel(tr("&By"), bar);
    by_ = new QComboBox(bar);
    by_->addItem(tr("object"), static_cast<int>(Grouping::object));
    by_->addItem(tr("process"), static_cast<int>(Grouping::process));
    by_->addItem(tr("thread"), static_cast<int>(Grouping::thread));
    by_->addItem(tr("container"), static_cast<int>(Grouping::container));
    by_->addItem(tr("file"), static_cast<int>(Grouping::file));
    by_->setAccessibleName(tr("Lanes by"));
    by_->setToolTip(tr("What has lanes of its own"));
    by_label_->setBuddy(by_);
    connect(by_, &QComboBox::currentIndexChanged, this,
            [this] { canvas_->set_grouping(static_cast<Grouping>(by_->currentData().toInt())); });
    row->addWidget(by_label_);
    row->addWidget(by_);
    object_ = new QComboBox(bar);
    object_->setAccessibleName(tr("Offsets in"));
    object_->setToolTip(tr("Whose offsets are shown"));
    object_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    object_->setMinimumContentsLength(12);
    connect(object_, &QComboBox::activated, this,
            [this] { canvas_->set_object(object_->currentData().toUInt()); });
    row->addWidget(object_);
    mode_ = new QButtonGroup(this);
    const auto mode = [&](TimelineCanvas::Mode of, const QString& text, const QString& hint) {
        auto* made = new ToggleButton(bar);
        made->setText(text);
        made->setToolTip(hint);
        made->setAccessibleName(hint);
        mode_->addButton(made, static_cast<int>(of));
        row->addWidget(made);
    };
    row->addSpacing(6);
    mode(TimelineCanvas::Mode::time, tr("time"), tr("Lanes of requests over time"));
    mode(TimelineCanvas::Mode::offset, tr("offset"), tr("Offsets in an object over time"));
    mode_->button(0)->setChecked(true);
    connect(mode_, &QButtonGroup::idClicked, this, [this](int id) {
        canvas_->set_mode(static_cast<TimelineCanvas::Mode>(id));
        update_state();
    });
    simulated_ = new QLabel(tr("SIMULATED"), bar);
    simulated_->setObjectName(QStringLiteral("simulated"));
    simulated_->setFrameShape(QFrame::Box);
    simulated_->setMargin(2);
    QFont bold = simulated_->font();
    bold.setBold(true);
    simulated_->setFont(bold);
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
    follow_ = new ToggleButton(bar);
    follow_->setObjectName(QStringLiteral("follow"));
    follow_->setText(tr("&Follow"));
    follow_->setIcon(icon("follow"));
    follow_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    follow_->setAutoRaise(true);
    follow_->setAccessibleName(tr("Follow the present"));
    follow_->setToolTip(tr("The right edge is now (End)"));
    connect(follow_, &QToolButton::clicked, this, &TimelineView::follow);
    row->addWidget(follow_);
    return bar;
}

void TimelineView::update_state() {
    follow_->setEnabled(workspace_.host().live());
    follow_->setChecked(canvas_->following());
    simulated_->setVisible(workspace_.host().simulated() &&
                           workspace_.host().phase() != RunHost::Phase::none);
    const bool offsets = canvas_->mode() == TimelineCanvas::Mode::offset;
    by_label_->setVisible(!offsets);
    by_->setVisible(!offsets);
    object_->setVisible(offsets);
}

void TimelineView::update_objects() {
    const std::vector<ObjectId> objects = canvas_->objects();
    if (static_cast<int>(objects.size()) != object_->count() || sender() != canvas_) {
        object_->clear();
        for (const ObjectId object : objects)
            object_->addItem(workspace_.object_name(object), object);
    }
    object_->setCurrentIndex(object_->findData(canvas_->object()));
}

void TimelineView::zoom_in() {
    canvas_->zoom(button_zoom);
}

void TimelineView::zoom_out() {
    canvas_->zoom(1 / button_zoom);
}

void TimelineView::show_all() {
    canvas_->show_all();
}

void TimelineView::follow(bool on) {
    canvas_->follow(on);
    update_state();
}

} // namespace coldscope::app
