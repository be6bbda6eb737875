// The Compare dock: the open image and another, what became of each path, and what a node that has
// the first must fetch for the second.
#pragma once

#include "app/compare/change_model.h"

#include <QTimer>
#include <QWidget>
#include <array>

class QLabel;
class QLineEdit;
class QProgressBar;
class QTableView;
class QToolButton;

namespace coldscope::app {

class ElidedLabel;
class EmptyState;
class FetchBar;

class CompareView final : public QWidget {
    Q_OBJECT

public:
    CompareView(Workspace& workspace, QWidget* parent = nullptr);

    // Compares the open image with this one.
    void start(const QString& other);
    [[nodiscard]] const Comparer& comparer() const { return comparer_; }

Q_SIGNALS:
    void compare_wanted(); // an image is to be chosen

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void build_head();
    void build_filter();
    void build_table();
    void fit_columns();
    void show_state();
    void show_progress();
    void show_figures();
    void show_count();
    void show_chosen();
    void apply_filter();
    void choose(const QModelIndex& index);
    void copy();
    [[nodiscard]] QString empty_text() const;

    Workspace& workspace_;
    Comparer comparer_;
    ChangeModel* model_;
    QWidget* head_;
    ElidedLabel* images_;
    QToolButton* swap_;
    QToolButton* compare_;
    QWidget* running_;
    QProgressBar* progress_;
    FetchBar* bar_;
    QLabel* parts_;
    QLabel* notes_;
    QLabel* count_;
    QWidget* filters_;
    QLineEdit* part_;
    std::array<QToolButton*, compare::kind_count> kinds_{};
    QTableView* table_;
    EmptyState* empty_;
    QTimer typing_;
    bool following_ = false; // the selection, which is not ours
    bool fitted_ = false;    // columns, to the first lines
};

} // namespace coldscope::app
