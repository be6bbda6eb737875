#include "app/timeline/toggle_button.h"

#include <QStyleOptionToolButton>
#include <QStylePainter>

namespace coldscope::app {

ToggleButton::ToggleButton(QWidget* parent) : QToolButton(parent) {
    setCheckable(true);
    setFocusPolicy(Qt::TabFocus);
}

void ToggleButton::paintEvent(QPaintEvent*) {
    QStylePainter painter(this);
    QStyleOptionToolButton option;
    initStyleOption(&option);
    if (isChecked()) {
        const QColor on = palette().color(QPalette::Highlight);
        const QColor text = palette().color(QPalette::HighlightedText);
        option.palette.setColor(QPalette::Button, on);
        option.palette.setColor(QPalette::ButtonText, text);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(on);
        painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 3, 3);
        if (hasFocus()) {
            painter.setPen(text);
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(QRectF(rect()).adjusted(3, 3, -3, -3), 2, 2);
        }
        painter.drawControl(QStyle::CE_ToolButtonLabel, option);
        return;
    }
    painter.drawComplexControl(QStyle::CC_ToolButton, option);
}

} // namespace coldscope::app
