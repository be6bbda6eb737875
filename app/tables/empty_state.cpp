#include "app/tables/empty_state.h"

#include "app/style/look.h"

#include <QAbstractScrollArea>
#include <QEvent>

namespace coldscope::app {

EmptyState::EmptyState(QAbstractScrollArea* view) : QLabel(view->viewport()), view_(view) {
    setAlignment(Qt::AlignCenter);
    setWordWrap(true);
    setMargin(16);
    setAttribute(Qt::WA_TransparentForMouseEvents);
    setFocusPolicy(Qt::NoFocus);
    view->viewport()->installEventFilter(this);
    follow();
    hide();
}

void EmptyState::say(const QString& text) {
    if (text != this->text()) {
        setText(text);
        view_->setAccessibleDescription(text);
    }
    setVisible(!text.isEmpty());
}

bool EmptyState::eventFilter(QObject* object, QEvent* event) {
    // Its last size before it is shown comes without an event, when that changes while Qt tells of
    // another.
    if (object == view_->viewport() &&
        (event->type() == QEvent::Resize || event->type() == QEvent::Show ||
         event->type() == QEvent::PaletteChange))
        follow();
    return QLabel::eventFilter(object, event);
}

void EmptyState::follow() {
    setGeometry(view_->viewport()->rect());
    QPalette colours = view_->palette();
    colours.setColor(QPalette::WindowText, surface_of(view_->palette()).faint);
    setForegroundRole(QPalette::WindowText); // a viewport's children have that of its text
    setPalette(colours);
}

} // namespace coldscope::app
