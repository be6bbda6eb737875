// The life of a request as phases, each from one step to the next, and as a bar to scale.
#pragma once

#include "app/style/look.h"
#include "core/request/event_store.h"

#include <QString>
#include <QWidget>
#include <vector>

namespace coldscope::app {

struct Phase {
    QString name; // of the step that begins it: "arrived", "held"
    Mark mark = Mark::asked;
    Nanoseconds begin = 0;
    Nanoseconds end = 0; // = begin for the last step of an ended request
};

// In order of time; empty for a request without a known step. now: where open requests reach to.
[[nodiscard]] std::vector<Phase> phases_of(const EventStore& store, Row row, Nanoseconds now);

class PhasesBar final : public QWidget {
    Q_OBJECT

public:
    explicit PhasesBar(QWidget* parent = nullptr);
    void show_phases(const std::vector<Phase>& phases);
    // Left edge and width of a phase, logical pixels; each has at least two.
    [[nodiscard]] std::vector<QRectF> boxes() const;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

private:
    std::vector<Phase> phases_;
};

} // namespace coldscope::app
