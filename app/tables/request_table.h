// The Requests dock: all requests of the run as a table, with a filter above it. It is what the
// timeline shows, for those who read rather than see.
#pragma once

#include "app/models/request_model.h"
#include "app/run/workspace.h"

#include <QByteArray>
#include <QElapsedTimer>
#include <QTimer>
#include <QWidget>

class QCheckBox;
class QLabel;
class QLineEdit;

namespace coldscope::app {

class EmptyState;
class RequestGrid;

class RequestTable final : public QWidget {
    Q_OBJECT

public:
    RequestTable(Workspace& workspace, QWidget* parent = nullptr);

    [[nodiscard]] RequestModel& model() { return *model_; }
    void set_filter(const QString& text); // as if it was typed
    void focus_filter();
    // Of the columns and their order; not the filter.
    [[nodiscard]] QByteArray save_state() const;
    void restore_state(const QByteArray& state);

Q_SIGNALS:
    // Enter or a double click: the timeline is to show this one.
    void zoom_wanted(coldscope::Row row);

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void build_filter();
    void build_grid();
    void apply_filter();
    void bring_in();
    void count_up();
    void show_count();
    void show_chosen();
    void choose(const QModelIndex& index);
    void keep_sort(int column, Qt::SortOrder order);
    void open_menu(const QPoint& at);
    void copy_rows();

    Workspace& workspace_;
    RequestModel* model_;
    QLineEdit* filter_;
    QCheckBox* waiting_;
    QLabel* count_;
    RequestGrid* grid_;
    EmptyState* empty_;
    QTimer typing_;
    QTimer more_; // rows are still to be looked at
    QElapsedTimer counted_;
    bool following_ = false; // the selection, which is not ours
    bool fitted_ = false;
    int sorted_by_ = -1;
    Qt::SortOrder sorted_ = Qt::AscendingOrder;
};

} // namespace coldscope::app
