#include "app/style/theme.h"

#include <QApplication>
#include <QPainter>
#include <QPalette>
#include <QProxyStyle>
#include <QSettings>
#include <QStyle>
#include <QStyleFactory>
#include <QStyleOption>

namespace coldscope::app {

namespace {

QPalette make_palette(bool dark) {
    const QColor window(dark ? 0xFF2A2E32 : 0xFFEFF0F1);
    const QColor base(dark ? 0xFF1B1E20 : 0xFFFFFFFF);
    const QColor text(dark ? 0xFFFCFCFC : 0xFF232629);
    const QColor button(dark ? 0xFF31363B : 0xFFFCFCFC);
    const QColor highlight(dark ? 0xFF2F7FB5 : 0xFF2A7AB0);
    const QColor faint(dark ? 0xFF8A9095 : 0xFF8A8F94);
    QPalette palette(button, window);
    palette.setColor(QPalette::Window, window);
    palette.setColor(QPalette::WindowText, text);
    palette.setColor(QPalette::Base, base);
    palette.setColor(QPalette::AlternateBase, dark ? QColor(0xFF232629) : QColor(0xFFF7F7F7));
    palette.setColor(QPalette::Text, text);
    palette.setColor(QPalette::Button, button);
    palette.setColor(QPalette::ButtonText, text);
    palette.setColor(QPalette::BrightText, Qt::white);
    palette.setColor(QPalette::Highlight, highlight);
    palette.setColor(QPalette::HighlightedText, Qt::white);
    palette.setColor(QPalette::ToolTipBase, dark ? QColor(0xFF3A4147) : QColor(0xFFFFF8E1));
    palette.setColor(QPalette::ToolTipText, text);
    palette.setColor(QPalette::PlaceholderText, dark ? QColor(0xFFA0A6AB) : QColor(0xFF646A6F));
    palette.setColor(QPalette::Link, dark ? QColor(0xFF5DB2E8) : QColor(0xFF0063A0));
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, faint);
    palette.setColor(QPalette::Disabled, QPalette::Highlight, faint);
    return palette;
}

// On dark ground Fusion's outline of a check box, darker than the window, can't be seen.
class DarkFusion final : public QProxyStyle {
public:
    DarkFusion() : QProxyStyle(QStringLiteral("Fusion")) {}

    void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                       const QWidget* widget) const override {
        QProxyStyle::drawPrimitive(element, option, painter, widget);
        if (element != PE_IndicatorCheckBox)
            return;
        const QPalette& palette = option->palette;
        const bool on = (option->state & State_HasFocus) != 0;
        painter->save();
        painter->setBrush(Qt::NoBrush);
        painter->setPen(palette.color(on ? QPalette::Highlight : QPalette::PlaceholderText));
        painter->drawRect(option->rect.adjusted(0, 0, -1, -1));
        painter->restore();
    }
};

} // namespace

void apply_theme(ThemeChoice choice) {
    static const QString own_style = QApplication::style()->name();
    if (choice == ThemeChoice::desktop) {
        QApplication::setStyle(QStyleFactory::create(own_style));
        QApplication::setPalette(QPalette());
        return;
    }
    const bool dark = choice == ThemeChoice::dark;
    if (dark)
        QApplication::setStyle(new DarkFusion);
    else
        QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    QApplication::setPalette(make_palette(dark));
}

ThemeChoice saved_theme() {
    const int saved = QSettings().value(QStringLiteral("window/theme"), 0).toInt();
    return saved == 1 ? ThemeChoice::light : saved == 2 ? ThemeChoice::dark : ThemeChoice::desktop;
}

void save_theme(ThemeChoice choice) {
    QSettings().setValue(QStringLiteral("window/theme"), static_cast<int>(choice));
}

} // namespace coldscope::app
