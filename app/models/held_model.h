// The open requests that are held or delayed, the one that waits longest first.
#pragma once

#include "app/models/mark_icons.h"
#include "app/run/workspace.h"

#include <QAbstractTableModel>
#include <optional>
#include <vector>

namespace coldscope::app {

class HeldModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { id, waits, process, place, files, why };
    static constexpr int columns = why + 1;
    static constexpr int row_role = Qt::UserRole; // Row in the store

    explicit HeldModel(Workspace& workspace, QObject* parent = nullptr);

    // Brings the list up to date. O(open).
    void update();
    [[nodiscard]] std::optional<Row> row_at(int at) const;
    [[nodiscard]] int place_of(Row row) const; // -1: does not wait
    // All lines count up.
    void time_went_on();
    void set_theme(Theme theme);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    void restart();
    [[nodiscard]] QString text(Row row, int column) const;

    Workspace& workspace_;
    std::vector<Row> rows_; // ascending
    MarkIcons icons_;
};

} // namespace coldscope::app
