// The images that are looked at, a line for each: where and how it is mounted, which can be
// changed, and its bytes by mark.
#pragma once

#include "app/sharing/sharing_state.h"

#include <QAbstractTableModel>

namespace coldscope::app {

class ImagesModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { image, inode_share, domain, dax, folder, first_mark };
    static constexpr int columns = first_mark + static_cast<int>(sharing::mark_count);

    explicit ImagesModel(SharingState& state, QObject* parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    void follow();
    void follow_marks();
    [[nodiscard]] QString text(const SharingSet::Entry& entry, int column) const;
    [[nodiscard]] QString bytes_of(const SharingSet::Entry& entry, std::size_t mark) const;

    SharingState& state_;
    int rows_ = 0;
};

} // namespace coldscope::app
