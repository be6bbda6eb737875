// A line for each transport: whether it works here, and what it shows; or what it lacks.
#pragma once

#include "daemon/transport/offer.h"

#include <QString>
#include <QWidget>
#include <vector>

class QGridLayout;
class QLabel;

namespace coldscope::app {

class TransportLines final : public QWidget {
    Q_OBJECT

public:
    explicit TransportLines(QWidget* parent = nullptr);

    void show_offers(const std::vector<Offer>& offers);

protected:
    void changeEvent(QEvent* event) override; // pictures have the theme's colours

private:
    void show_marks();

    struct Line {
        QLabel* mark;
        const char* picture;
    };
    std::vector<Line> lines_;
    QGridLayout* grid_;
};

// The sentence of a line, without the transport's name.
[[nodiscard]] QString line_text(const Offer& offer);

} // namespace coldscope::app
