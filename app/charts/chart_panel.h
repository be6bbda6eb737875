// One chart with its title, its figures in a line, and what can be copied of it. Its colours follow
// the palette.
#pragma once

#include "app/charts/axes.h"
#include "app/charts/run_figures.h"
#include "app/style/look.h"

#include <QFrame>
#include <QString>

QT_BEGIN_NAMESPACE
class QChart;
class QChartView;
class QLabel;
QT_END_NAMESPACE

namespace coldscope::app {

// What is shown beside the requests' own figures.
struct ChartsInput {
    const RunFigures* figures = nullptr;
    Nanoseconds now = 0;     // 0: as far as the figures reach
    bool live = false;       // the present goes on: its bin is not full
    bool local_known = true; // false: no run has told what is local
    std::uint64_t local = 0; // bytes
    std::uint64_t stored = 0;
};

class ChartPanel : public QFrame {
    Q_OBJECT

public:
    ChartPanel(const QString& title, QWidget* parent);

    // The figures as a table, columns separated by tabs; the first line names them.
    [[nodiscard]] virtual QString table() const = 0;

    void set_simulated(bool simulated);
    [[nodiscard]] QChart* chart() const { return chart_; }
    [[nodiscard]] QString figures_line() const { return line_; }
    void copy_picture();
    void copy_table();

protected:
    // The line under the title, and the same and more in words.
    void set_figures(const QString& line, const QString& description);
    // Colours and fonts of series and axes, from surface() and app/style.
    virtual void recolour() = 0;
    // There is more or less room for ticks.
    virtual void fit() {}

    [[nodiscard]] Theme theme() const { return theme_of(palette()); }
    [[nodiscard]] AxisLook axis_look() const;
    [[nodiscard]] int most_ticks_across(int label_width) const;
    [[nodiscard]] int most_ticks_up() const;
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    void recolour_all();
    void elide();

    QString title_text_;
    QString line_;
    QString description_;
    bool simulated_ = false;
    QLabel* title_;
    QLabel* badge_;
    QLabel* figures_;
    QChart* chart_; // owned by view_
    QChartView* view_;
};

// Of a run.
class RunChart : public ChartPanel {
    Q_OBJECT

public:
    using ChartPanel::ChartPanel;
    virtual void show_figures(const ChartsInput& input) = 0;
};

} // namespace coldscope::app
