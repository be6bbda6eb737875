// Every file and image that has a range of a file, and how they share it.
#pragma once

#include "app/models/mark_icons.h"
#include "app/sharing/strip_delegate.h"

#include <QAbstractTableModel>

namespace coldscope::app {

class HoldersModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { path, image, how, where };
    static constexpr int columns = where + 1;
    static constexpr std::size_t most = 1000;

    explicit HoldersModel(QObject* parent = nullptr);

    // Null: nothing is chosen.
    void show(std::shared_ptr<const Predicted> predicted, std::shared_ptr<const Seen> seen,
              const std::optional<ChosenPiece>& chosen);
    void set_theme(Theme theme);
    [[nodiscard]] std::optional<ChosenPiece> piece_at(int row) const;
    [[nodiscard]] bool more() const { return more_; } // than are listed, perhaps

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    void add_seen(const Seen& seen, const ChosenPiece& chosen);
    [[nodiscard]] QString text(const sharing::Holder& holder, int column) const;

    std::shared_ptr<const Predicted> predicted_;
    std::vector<sharing::Holder> holders_;
    bool more_ = false;
    MarkIcons icons_;
};

} // namespace coldscope::app
