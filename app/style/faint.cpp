#include "app/style/faint.h"

#include "app/style/look.h"

#include <QEvent>
#include <QLabel>

namespace coldscope::app {

namespace {

class Faint final : public QObject {
public:
    explicit Faint(QLabel* label) : QObject(label), label_(label) {
        label->setForegroundRole(QPalette::WindowText);
        label->installEventFilter(this);
        follow();
    }

    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() == QEvent::PaletteChange)
            follow();
        return false;
    }

private:
    void follow() {
        const QColor faint = surface_of(label_->palette()).faint;
        if (label_->palette().color(QPalette::WindowText) == faint)
            return;
        QPalette palette; // with nothing else set, the rest follows the theme
        palette.setColor(QPalette::WindowText, faint);
        label_->setPalette(palette);
    }

    QLabel* label_;
};

} // namespace

void make_faint(QLabel* label) {
    new Faint(label);
}

} // namespace coldscope::app
