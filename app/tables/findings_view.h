// The Findings dock: what is wrong with the image, below it all about the selected one, and beside
// it the bytes of its structure.
#pragma once

#include "app/models/findings_model.h"
#include "app/run/workspace.h"

#include <QWidget>

class QPlainTextEdit;
class QTableView;

namespace coldscope::app {

class EmptyState;
class StructureView;

class FindingsView final : public QWidget {
    Q_OBJECT

public:
    FindingsView(Workspace& workspace, QWidget* parent = nullptr);

    [[nodiscard]] int count() const { return model_->rowCount(); }

Q_SIGNALS:
    void count_changed(int count);

private:
    void show_all();
    void show_details();
    void copy();

    Workspace& workspace_;
    FindingsModel* model_;
    QTableView* table_;
    EmptyState* empty_;
    QPlainTextEdit* details_;
    StructureView* structure_;
};

} // namespace coldscope::app
