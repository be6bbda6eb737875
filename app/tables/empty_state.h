// What an empty list says instead of nothing: a sentence in the middle of its viewport.
#pragma once

#include <QLabel>

class QAbstractScrollArea;

namespace coldscope::app {

class EmptyState final : public QLabel {
    Q_OBJECT

public:
    // Lives with the view's viewport and keeps its size.
    explicit EmptyState(QAbstractScrollArea* view);

    // Empty: the view has something to show.
    void say(const QString& text);

protected:
    bool eventFilter(QObject* object, QEvent* event) override;

private:
    void follow();

    QAbstractScrollArea* view_;
};

} // namespace coldscope::app
