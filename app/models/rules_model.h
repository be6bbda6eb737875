// The rules of the live run.
#pragma once

#include "app/run/workspace.h"

#include <QAbstractTableModel>
#include <vector>

namespace coldscope::app {

class RulesModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { id, action, text };
    static constexpr int columns = text + 1;

    explicit RulesModel(Workspace& workspace, QObject* parent = nullptr);

    // Ends these rules; what they hold stays held. False when one was refused, which was shown.
    bool clear_rules(const QModelIndexList& lines);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    void update();

    Workspace& workspace_;
    std::vector<Run::RuleText> rules_; // ids ascend
};

} // namespace coldscope::app
