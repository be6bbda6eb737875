// The table itself: a table view that keeps its place while rows come, and goes by J and K.
#pragma once

#include "app/models/request_model.h"

#include <QTableView>

namespace coldscope::app {

class RequestGrid final : public QTableView {
    Q_OBJECT

public:
    explicit RequestGrid(RequestModel* model, QWidget* parent = nullptr);

    // Lets the model take in what came. In order of arrival and scrolled to the end, the end stays
    // in sight; scrolled to the top, the top; else the first line in sight stays where it is.
    bool update_model(Nanoseconds budget);
    // Lines in sight, or nothing: last < first.
    [[nodiscard]] std::pair<int, int> in_sight() const;
    // Columns at least as wide as what is in them now; nothing gets narrower.
    void fit_columns();
    // What is selected, lines in order, separated by tabs as the columns stand.
    [[nodiscard]] QString selected_text() const;
    [[nodiscard]] std::vector<Row> selected_rows() const;

Q_SIGNALS:
    void entered(); // Enter on the current line

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override; // the end stays in sight then, too

private:
    void set_widths();
    void step(int lines);

    RequestModel* model_;
};

} // namespace coldscope::app
