// The facts of the opened image, above its tree.
#pragma once

#include "app/run/workspace.h"

#include <QLabel>
#include <QWidget>

namespace coldscope::app {

// One line of text; what does not fit is left out, and the whole is in the tool tip.
class ElidedLabel final : public QLabel {
    Q_OBJECT

public:
    ElidedLabel(Qt::TextElideMode mode, QWidget* parent) : QLabel(parent), mode_(mode) {}
    void set_whole(const QString& text);
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void elide();
    Qt::TextElideMode mode_;
    QString whole_;
};

class ImageFacts final : public QWidget {
    Q_OBJECT

public:
    explicit ImageFacts(Workspace& workspace, QWidget* parent = nullptr);

private:
    void show_image();
    void show_local();

    Workspace& workspace_;
    ElidedLabel* path_;
    QLabel* facts_;
    QLabel* devices_;
    ElidedLabel* features_;
    QLabel* local_;
};

} // namespace coldscope::app
