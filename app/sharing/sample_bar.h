// A look at what is in memory, now or at an interval; and through what was seen.
#pragma once

#include "app/sharing/sharing_state.h"

#include <QWidget>

class QComboBox;
class QPushButton;
class QSlider;
class QToolButton;

namespace coldscope::app {

class ElidedLabel;

class SampleBar final : public QWidget {
    Q_OBJECT

public:
    explicit SampleBar(SharingState& state, QWidget* parent = nullptr);

private:
    void show_state();
    [[nodiscard]] QString text() const;

    SharingState& state_;
    QPushButton* look_;
    QComboBox* interval_;
    QSlider* slider_;
    QToolButton* latest_;
    ElidedLabel* text_;
    QPushButton* ask_;
};

} // namespace coldscope::app
