// A tool button that is seen to be on, in light and dark: checked, it has the colour of what is
// selected. Drawn from the palette of the moment, so that it follows a change of theme.
#pragma once

#include <QToolButton>

namespace coldscope::app {

class ToggleButton final : public QToolButton {
    Q_OBJECT

public:
    explicit ToggleButton(QWidget* parent);

protected:
    void paintEvent(QPaintEvent* event) override;
};

} // namespace coldscope::app
