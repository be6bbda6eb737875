#include "app/detail/phases.h"

#include "app/style/marks.h"
#include "app/style/text.h"

#include <QHelpEvent>
#include <QPainter>
#include <QStringList>
#include <QToolTip>
#include <algorithm>

namespace coldscope::app {

namespace {
constexpr double least_width = 2; // logical pixels of a phase
} // namespace

std::vector<Phase> phases_of(const EventStore& store, Row row, Nanoseconds now) {
    const RequestRow& request = store[row];
    const Steering steering = store.steering(request);
    std::vector<Phase> phases;
    const auto add = [&](Nanoseconds at, const QString& what, Mark mark) {
        if (at != 0)
            phases.push_back({what, mark, at, at});
    };
    add(request.arrived(), PhasesBar::tr("arrived"), Mark::asked);
    add(request.matched, PhasesBar::tr("matched"), Mark::asked);
    add(steering.held, PhasesBar::tr("held"), Mark::held);
    add(steering.delayed, PhasesBar::tr("delayed"), Mark::delayed);
    add(request.fetching, PhasesBar::tr("fetching"), Mark::fetching);
    add(request.filling, PhasesBar::tr("filling"), Mark::filling);
    std::ranges::stable_sort(phases, {}, &Phase::begin);
    Nanoseconds end = std::max(now, phases.empty() ? 0 : phases.back().begin);
    if (!request.open()) {
        end = request.end();
        const bool lost = request.last == Step::lost;
        add(end,
            lost                  ? PhasesBar::tr("lost")
            : request.result != 0 ? PhasesBar::tr("failed")
                                  : PhasesBar::tr("answered"),
            lost                  ? Mark::lost
            : request.result != 0 ? Mark::failed
                                  : Mark::answered);
    }
    for (std::size_t at = 0; at < phases.size(); ++at) {
        const Nanoseconds next = at + 1 < phases.size() ? phases[at + 1].begin : end;
        phases[at].end = std::max(phases[at].begin, next);
    }
    return phases;
}

PhasesBar::PhasesBar(QWidget* parent) : QWidget(parent) {
    setAccessibleName(tr("Phases"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

QSize PhasesBar::sizeHint() const {
    return {240, 20};
}

QSize PhasesBar::minimumSizeHint() const {
    return {80, 20};
}

void PhasesBar::show_phases(const std::vector<Phase>& phases) {
    phases_ = phases;
    QStringList parts;
    for (const Phase& phase : phases_)
        parts.push_back(tr("%1 %2").arg(phase.name, duration_text(phase.end - phase.begin)));
    setAccessibleDescription(parts.join(QStringLiteral(", ")));
    update();
}

std::vector<QRectF> PhasesBar::boxes() const {
    std::vector<QRectF> result(phases_.size());
    if (phases_.empty())
        return result;
    double total = 0;
    std::size_t shown = 0;
    for (const Phase& phase : phases_) {
        total += static_cast<double>(phase.end - phase.begin);
        shown += phase.end > phase.begin ? 1 : 0;
    }
    const double room = std::max(0.0, width() - least_width * static_cast<double>(shown));
    double left = 0;
    for (std::size_t at = 0; at < phases_.size(); ++at) {
        const auto time = static_cast<double>(phases_[at].end - phases_[at].begin);
        const double wide = time == 0 ? 0 : least_width + room * time / std::max(1.0, total);
        result[at] = QRectF(left, 0, wide, height());
        left += wide;
    }
    return result;
}

void PhasesBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const Theme theme = theme_of(palette());
    const auto all = boxes();
    for (std::size_t at = 0; at < all.size(); ++at) {
        if (all[at].width() > 0)
            draw_mark(painter, all[at].adjusted(0, 1, all[at].width() > 4 ? -1 : 0, -1),
                      phases_[at].mark, theme);
    }
}

bool PhasesBar::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const auto all = boxes();
        for (std::size_t at = 0; at < all.size(); ++at) {
            if (all[at].contains(help->pos()))
                QToolTip::showText(
                    help->globalPos(),
                    tr("%1: %2").arg(phases_[at].name,
                                     duration_text(phases_[at].end - phases_[at].begin)),
                    this, all[at].toAlignedRect());
        }
        return true;
    }
    return QWidget::event(event);
}

} // namespace coldscope::app
