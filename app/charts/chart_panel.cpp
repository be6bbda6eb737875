#include "app/charts/chart_panel.h"

#include <QAction>
#include <QApplication>
#include <QAreaLegendMarker>
#include <QAreaSeries>
#include <QBarLegendMarker>
#include <QBarSet>
#include <QChart>
#include <QChartView>
#include <QClipboard>
#include <QEvent>
#include <QGraphicsLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLegend>
#include <QLegendMarker>
#include <QPainter>
#include <QStyleOptionFocusRect>
#include <QVBoxLayout>
#include <algorithm>

namespace coldscope::app {

namespace {
constexpr int room_of_last_label = 24; // half of it stands out to the right of the axis
} // namespace

ChartPanel::ChartPanel(const QString& title, QWidget* parent)
    : QFrame(parent), title_text_(title), title_(new QLabel(title)), badge_(new QLabel),
      figures_(new QLabel), chart_(new QChart), view_(new QChartView(chart_)) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(title);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    setContextMenuPolicy(Qt::ActionsContextMenu);
    setMinimumSize(220, 150);

    for (QLabel* label : {title_, figures_}) { // elided to whatever room there is
        label->setTextFormat(Qt::PlainText);
        label->setMinimumWidth(1);
        label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    }
    figures_->setForegroundRole(QPalette::WindowText);
    badge_->setText(tr("SIMULATED"));
    badge_->setToolTip(tr("No real kernel or process asked: the figures are of a simulation."));
    badge_->setFrameShape(QFrame::Box);
    badge_->setMargin(1);
    badge_->hide();

    chart_->setMargins(QMargins(0, 0, room_of_last_label, 0));
    chart_->layout()->setContentsMargins(0, 0, 0, 0);
    chart_->setBackgroundRoundness(0);
    chart_->setLocalizeNumbers(true);
    chart_->legend()->setAlignment(Qt::AlignTop);
    chart_->legend()->layout()->setContentsMargins(0, 2, 0, 2);
    chart_->legend()->setMarkerShape(QLegend::MarkerShapeFromSeries);
    view_->setRenderHint(QPainter::Antialiasing);
    view_->setFrameShape(QFrame::NoFrame);
    view_->setFocusPolicy(Qt::NoFocus); // the panel has it
    view_->setAttribute(Qt::WA_TransparentForMouseEvents);
    view_->setInteractive(false);
    view_->setMinimumSize(1, 1);

    auto* const head = new QHBoxLayout;
    head->addWidget(title_, 1);
    head->addWidget(badge_);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(8, 4, 8, 2);
    column->setSpacing(1);
    column->addLayout(head);
    column->addWidget(figures_);
    column->addWidget(view_, 1);

    auto* const figures = new QAction(tr("Copy Figures as Text"), this);
    figures->setShortcut(QKeySequence::Copy);
    auto* const picture = new QAction(tr("Copy Picture"), this);
    for (QAction* const action : {figures, picture}) {
        action->setShortcutContext(Qt::WidgetShortcut);
        addAction(action);
    }
    connect(figures, &QAction::triggered, this, &ChartPanel::copy_table);
    connect(picture, &QAction::triggered, this, &ChartPanel::copy_picture);
}

void ChartPanel::set_simulated(bool simulated) {
    simulated_ = simulated;
    badge_->setVisible(simulated);
    elide();
}

void ChartPanel::copy_picture() {
    QApplication::clipboard()->setPixmap(grab());
}

void ChartPanel::copy_table() {
    QString text = table();
    if (simulated_)
        text.prepend(tr("SIMULATED") + u'\n');
    QApplication::clipboard()->setText(text);
}

void ChartPanel::set_figures(const QString& line, const QString& description) {
    if (line != line_) {
        line_ = line;
        figures_->setToolTip(line);
        elide();
    }
    const QString whole = simulated_ ? tr("SIMULATED. %1").arg(description) : description;
    if (whole == description_)
        return;
    description_ = whole;
    setAccessibleDescription(whole);
}

void ChartPanel::elide() {
    const auto fit_text = [](QLabel* label, const QString& text) {
        label->setText(label->fontMetrics().elidedText(text, Qt::ElideRight, label->width()));
    };
    fit_text(title_, title_text_);
    fit_text(figures_, line_);
}

AxisLook ChartPanel::axis_look() const {
    const Surface surface = surface_of(palette());
    QFont small = font();
    small.setPointSizeF(std::max(7.5, small.pointSizeF() - 1));
    return {small, surface.faint, surface.faint, surface.grid};
}

int ChartPanel::most_ticks_across(int label_width) const {
    return std::clamp((view_->width() - 60) / std::max(label_width, 1), 2, 10);
}

int ChartPanel::most_ticks_up() const {
    return std::clamp((view_->height() - 60) / (3 * fontMetrics().height() / 2), 2, 6);
}

void ChartPanel::recolour_all() {
    const Surface surface = surface_of(palette());
    QPalette faint = palette();
    faint.setColor(QPalette::WindowText, surface.faint);
    figures_->setPalette(faint);
    QFont bold = font();
    bold.setBold(true);
    title_->setFont(bold);
    badge_->setFont(axis_look().font);
    chart_->setBackgroundBrush(surface.base);
    chart_->setBackgroundPen(Qt::NoPen);
    view_->setBackgroundBrush(surface.base);
    chart_->legend()->setLabelColor(surface.text);
    chart_->legend()->setFont(axis_look().font);
    recolour();
    // A marker that follows its series takes the shape of lines, but not the colours of areas.
    for (QLegendMarker* const marker : chart_->legend()->markers()) {
        if (auto* const bar = qobject_cast<QBarLegendMarker*>(marker)) {
            bar->setShape(QLegend::MarkerShapeRectangle);
            bar->setBrush(bar->barset()->brush());
            bar->setPen(bar->barset()->pen());
        } else if (auto* const area = qobject_cast<QAreaLegendMarker*>(marker)) {
            area->setShape(QLegend::MarkerShapeRectangle);
            area->setBrush(area->series()->brush());
            area->setPen(area->series()->pen());
        }
    }
}

void ChartPanel::changeEvent(QEvent* event) {
    QFrame::changeEvent(event);
    const bool looks = event->type() == QEvent::PaletteChange ||
                       event->type() == QEvent::FontChange || event->type() == QEvent::StyleChange;
    if (looks && testAttribute(Qt::WA_WState_Polished)) {
        recolour_all();
        elide();
    }
}

void ChartPanel::showEvent(QShowEvent* event) {
    recolour_all();
    QFrame::showEvent(event);
    elide();
}

void ChartPanel::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    layout()->activate();
    elide();
    fit();
}

void ChartPanel::focusInEvent(QFocusEvent* event) {
    QFrame::focusInEvent(event);
    update();
}

void ChartPanel::focusOutEvent(QFocusEvent* event) {
    QFrame::focusOutEvent(event);
    update();
}

void ChartPanel::paintEvent(QPaintEvent* event) {
    QFrame::paintEvent(event);
    if (!hasFocus())
        return;
    QPainter painter(this);
    QStyleOptionFocusRect option;
    option.initFrom(this);
    option.backgroundColor = surface_of(palette()).base;
    style()->drawPrimitive(QStyle::PE_FrameFocusRect, &option, &painter, this);
}

} // namespace coldscope::app
