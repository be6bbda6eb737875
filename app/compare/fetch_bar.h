// What a node needs for the second image, as one bar to scale: what it has, what it has under other
// addresses, what else it must fetch; and below it the figures.
#pragma once

#include "app/compare/comparer.h"
#include "app/style/look.h"

#include <QWidget>

namespace coldscope::app {

class FetchBar final : public QWidget {
    Q_OBJECT

public:
    explicit FetchBar(QWidget* parent = nullptr);

    void show(const compare::Comparison& comparison);
    // The figures as a line.
    [[nodiscard]] QString text() const;

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    struct Part {
        Mark mark;
        std::uint64_t bytes;
        QString text;
    };
    std::vector<Part> parts_;
};

} // namespace coldscope::app
