// The Held dock: who waits, what can be done about it and what the reader will see, and the rules
// that hold. What is done goes to the lines that are selected, or to the one that waits longest.
#pragma once

#include "app/models/held_model.h"
#include "app/models/rules_model.h"
#include "app/run/workspace.h"

#include <QElapsedTimer>
#include <QWidget>

class QLabel;
class QPushButton;
class QTableView;
class QToolButton;

namespace coldscope::app {

class EmptyState;

class HeldView final : public QWidget {
    Q_OBJECT

public:
    HeldView(Workspace& workspace, QWidget* parent = nullptr);

    [[nodiscard]] int count() const { return model_->rowCount(); }
    // The lines that are selected, else the oldest; empty when nothing waits.
    [[nodiscard]] std::vector<Row> chosen_or_oldest() const;

public Q_SLOTS:
    void release_chosen();
    void delay_chosen(); // asks for how long
    void fail_chosen();  // asks with what

Q_SIGNALS:
    void count_changed(int count); // also while hidden

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void build_table();
    QWidget* build_acts();
    QWidget* build_rules();
    void bring_in();
    void count_up();
    void show_acts();
    void show_rules();
    void show_chosen();
    void choose(const QModelIndex& index);
    void open_menu(const QPoint& at);
    void remove_rules();

    Workspace& workspace_;
    HeldModel* model_;
    RulesModel* rules_;
    QTableView* table_;
    EmptyState* empty_;
    QPushButton* release_ = nullptr;
    QPushButton* delay_ = nullptr;
    QPushButton* fail_ = nullptr;
    QPushButton* release_all_ = nullptr;
    QLabel* seen_ = nullptr; // what the reader will see
    QToolButton* fold_ = nullptr;
    QWidget* folded_ = nullptr;
    QTableView* rule_table_ = nullptr;
    QPushButton* remove_ = nullptr;
    QElapsedTimer counted_;
    int told_ = 0;
    bool following_ = false; // the selection, which is not ours
};

} // namespace coldscope::app
