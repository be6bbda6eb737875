// What is wrong with the image, as a table. The last line counts what was left out.
#pragma once

#include "app/run/workspace.h"

#include <QAbstractTableModel>

namespace coldscope::app {

class FindingsModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { severity, offset, structure, field, value, message, advice };
    static constexpr int columns = advice + 1;

    explicit FindingsModel(Workspace& workspace, QObject* parent = nullptr);

    // Null for the line that counts.
    [[nodiscard]] const erofs::Finding* finding_at(int at) const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    void restart();

    Workspace& workspace_;
    erofs::Findings findings_; // those that the views were told of
};

} // namespace coldscope::app
