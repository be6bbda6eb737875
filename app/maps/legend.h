// A line of marks with their names, under a map.
#pragma once

#include "app/style/look.h"

#include <QWidget>
#include <vector>

namespace coldscope::app {

// What cells that show states can be. ahead: with what was fetched ahead of readers.
[[nodiscard]] std::vector<Mark> state_marks(bool ahead);

class Legend final : public QWidget {
    Q_OBJECT

public:
    explicit Legend(QWidget* parent = nullptr);

    void show_marks(const std::vector<Mark>& marks);
    // A scale from `least` to `most`.
    void show_scale(const QString& least, const QString& most);
    // Said behind the marks; where there is no room for all of it, `brief` is, if there is one.
    void set_note(const QString& note, const QString& brief = {});

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void describe();

    std::vector<Mark> marks_;
    QString least_;
    QString most_;
    QString note_;
    QString brief_;
};

} // namespace coldscope::app
