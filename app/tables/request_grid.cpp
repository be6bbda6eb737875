#include "app/tables/request_grid.h"

#include "app/style/text.h"
#include "app/tables/cells.h"

#include <QHeaderView>
#include <QKeyEvent>
#include <QScrollBar>
#include <algorithm>
#include <array>

namespace coldscope::app {

namespace {
constexpr int widest = 360;   // that a column is made by itself
constexpr int looked_at = 60; // lines that a column's width is taken from
} // namespace

RequestGrid::RequestGrid(RequestModel* model, QWidget* parent) : QTableView(parent), model_(model) {
    set_up_table(this);
    setModel(model_);
    setVerticalScrollMode(ScrollPerItem);
    QHeaderView* header = horizontalHeader();
    header->setSectionsMovable(true);
    header->setResizeContentsPrecision(looked_at);
    header->setSortIndicator(-1, Qt::AscendingOrder);
    header->setSortIndicatorClearable(true);
    setSortingEnabled(true);
    set_widths();
}

void RequestGrid::set_widths() {
    static const std::array<QString, RequestModel::columns> samples{
        QStringLiteral("1234.567890"),
        QStringLiteral("123456"),
        QStringLiteral("containerd-shim (41234)"),
        QStringLiteral("failed: EIO"),
        duration_text(999 * millisecond),
        QStringLiteral("blob 1: some-layer.blob"),
        QStringLiteral("0x000000000"),
        size_text(1023 << 10),
        size_text(1023 << 10),
        QStringLiteral("/usr/lib/x86_64/lib.so")};
    for (int column = 0; column < RequestModel::columns; ++column) {
        const int figure =
            fontMetrics().horizontalAdvance(samples[static_cast<std::size_t>(column)]);
        const int icon = column == RequestModel::state ? 24 : 0;
        const int head = horizontalHeader()->sectionSizeHint(column);
        setColumnWidth(column, std::max(figure + icon + 20, head));
    }
}

void RequestGrid::fit_columns() {
    for (int column = 0; column < RequestModel::columns; ++column) {
        const int wanted = std::min(sizeHintForColumn(column) + 6, widest);
        if (wanted > columnWidth(column))
            setColumnWidth(column, wanted);
    }
}

bool RequestGrid::update_model(Nanoseconds budget) {
    QScrollBar* bar = verticalScrollBar();
    const int before = bar->value();
    const bool at_end = before >= bar->maximum();
    const std::optional<Row> top = model_->row_at(before);
    const int lines = model_->rowCount();
    const bool all = model_->update(budget);
    if (model_->by_arrival() && at_end) {
        if (model_->rowCount() != lines)
            scrollToBottom();
    } else if (before > 0 && top) {
        executeDelayedItemsLayout();
        if (const QModelIndex now = model_->index_of(*top); now.isValid())
            bar->setValue(now.row());
    }
    return all;
}

std::pair<int, int> RequestGrid::in_sight() const {
    const int first = rowAt(0);
    if (first < 0)
        return {0, -1};
    const int last = rowAt(viewport()->height() - 1);
    return {first, last < 0 ? model_->rowCount() - 1 : last};
}

std::vector<Row> RequestGrid::selected_rows() const {
    std::vector<Row> rows;
    QItemSelection selection = selectionModel()->selection();
    std::sort(selection.begin(), selection.end(),
              [](const auto& one, const auto& other) { return one.top() < other.top(); });
    for (const QItemSelectionRange& range : selection) {
        for (int line = range.top(); line <= range.bottom(); ++line) {
            if (const auto row = model_->row_at(line))
                rows.push_back(*row);
        }
    }
    return rows;
}

QString RequestGrid::selected_text() const {
    QString text;
    const QHeaderView* header = horizontalHeader();
    for (const Row row : selected_rows()) {
        const QModelIndex line = model_->index_of(row);
        QStringList cells;
        for (int at = 0; at < header->count(); ++at) {
            const int column = header->logicalIndex(at);
            if (!header->isSectionHidden(column))
                cells.push_back(line.siblingAtColumn(column).data().toString());
        }
        text += cells.join(QLatin1Char('\t')) + QLatin1Char('\n');
    }
    return text;
}

void RequestGrid::step(int lines) {
    const int last = model_->rowCount() - 1;
    if (last < 0)
        return;
    const QModelIndex current = currentIndex();
    const int to = current.isValid() ? std::clamp(current.row() + lines, 0, last) : 0;
    setCurrentIndex(model_->index(to, std::max(current.column(), 0)));
}

void RequestGrid::resizeEvent(QResizeEvent* event) {
    const bool at_end = verticalScrollBar()->value() >= verticalScrollBar()->maximum();
    QTableView::resizeEvent(event);
    if (at_end && model_->by_arrival())
        scrollToBottom();
}

void RequestGrid::keyPressEvent(QKeyEvent* event) {
    if (event->modifiers() == Qt::NoModifier) {
        switch (event->key()) {
        case Qt::Key_J:
            step(1);
            return;
        case Qt::Key_K:
            step(-1);
            return;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            Q_EMIT entered();
            return;
        case Qt::Key_Home: // by line, not by column
            if (model_->rowCount() > 0)
                setCurrentIndex(model_->index(0, std::max(currentIndex().column(), 0)));
            return;
        case Qt::Key_End:
            step(model_->rowCount());
            return;
        default:
            break;
        }
    }
    QTableView::keyPressEvent(event);
}

} // namespace coldscope::app
