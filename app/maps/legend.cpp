#include "app/maps/legend.h"

#include "app/style/marks.h"

#include <QLinearGradient>
#include <QPainter>
#include <QStringList>

namespace coldscope::app {

namespace {
constexpr int swatch = 11; // logical pixels
constexpr int gap = 5;
constexpr int between = 14;
constexpr int scale_width = 90;
} // namespace

std::vector<Mark> state_marks(bool ahead) {
    std::vector<Mark> marks{Mark::held, Mark::failed, Mark::delayed, Mark::fetching, Mark::filling,
                            Mark::cold, Mark::local,  Mark::unused,  Mark::hole};
    if (ahead)
        marks.insert(marks.end(), {Mark::prefetch, Mark::amplified});
    return marks;
}

Legend::Legend(QWidget* parent) : QWidget(parent) {
    setAccessibleName(tr("Legend"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void Legend::show_marks(const std::vector<Mark>& marks) {
    if (marks == marks_)
        return;
    marks_ = marks;
    describe();
}

void Legend::show_scale(const QString& least, const QString& most) {
    marks_.clear();
    least_ = least;
    most_ = most;
    describe();
}

void Legend::set_note(const QString& note, const QString& brief) {
    if (note == note_ && brief == brief_)
        return;
    note_ = note;
    brief_ = brief;
    setToolTip(note);
    update();
}

void Legend::describe() {
    QStringList names;
    for (const Mark mark : marks_)
        names.push_back(name(mark));
    setAccessibleDescription(marks_.empty() ? tr("from %1 to %2").arg(least_, most_)
                                            : names.join(QStringLiteral(", ")));
    update();
}

QSize Legend::sizeHint() const {
    return {400, fontMetrics().height() + 6};
}

QSize Legend::minimumSizeHint() const {
    return {80, sizeHint().height()};
}

void Legend::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const Theme theme = theme_of(palette());
    const QFontMetrics metrics = fontMetrics();
    const double top = (height() - swatch) / 2.0;
    painter.setPen(palette().color(QPalette::WindowText));
    int x = 2;
    const auto text = [&](const QString& what) {
        const int width = metrics.horizontalAdvance(what);
        painter.drawText(QRect(x, 0, width + 2, height()), Qt::AlignVCenter | Qt::AlignLeft, what);
        x += width;
    };
    for (const Mark mark : marks_) {
        const QString what = name(mark);
        if (x + swatch + gap + metrics.horizontalAdvance(what) > width())
            break;
        draw_mark(painter, QRectF(x, top, swatch, swatch), mark, theme);
        x += swatch + gap;
        text(what);
        x += between;
    }
    if (marks_.empty() && !most_.isEmpty()) {
        text(least_);
        x += gap;
        QLinearGradient gradient(x, 0, x + scale_width, 0);
        for (int step = 0; step <= 4; ++step)
            gradient.setColorAt(step / 4.0, scale_colour(step / 4.0, theme));
        painter.fillRect(QRectF(x, top, scale_width, swatch), gradient);
        x += scale_width + gap;
        text(most_);
        x += between;
        draw_mark(painter, QRectF(x, top, swatch, swatch), Mark::cold, theme);
        x += swatch + gap;
        text(tr("not asked for"));
        x += between;
    }
    const QRect rest(x, 0, width() - x - 2, height());
    painter.setPen(surface_of(palette()).faint);
    const bool all = brief_.isEmpty() || metrics.horizontalAdvance(note_) <= rest.width();
    if (rest.width() > 60)
        painter.drawText(rest, Qt::AlignVCenter | Qt::AlignRight,
                         metrics.elidedText(all ? note_ : brief_, Qt::ElideRight, rest.width()));
}

} // namespace coldscope::app
