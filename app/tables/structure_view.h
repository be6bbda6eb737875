// The structure that a finding is about: its bytes with each field marked, and the fields as a
// table. Choosing a field selects its bytes, and a byte its field.
#pragma once

#include "app/models/fields_model.h"
#include "app/run/workspace.h"

#include <QWidget>

class QLabel;
class QTableView;

namespace coldscope::app {

class HexView;

class StructureView final : public QWidget {
    Q_OBJECT

public:
    explicit StructureView(Workspace& workspace, QWidget* parent = nullptr);

    // Null: nothing is chosen.
    void show_finding(const erofs::Finding* finding);
    [[nodiscard]] const FieldsModel& fields() const { return *model_; }
    [[nodiscard]] HexView& hex() const { return *hex_; }

private:
    void show_around(const erofs::Finding& finding);
    void show_place(const erofs::Finding& finding, std::vector<std::byte> bytes);
    void select_field();
    void select_row(std::uint64_t offset);

    Workspace& workspace_;
    FieldsModel* model_;
    QLabel* title_;
    HexView* hex_;
    QTableView* table_;
};

} // namespace coldscope::app
