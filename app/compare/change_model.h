// The changes between two images, a line for each: straight over the comparison. Filters and orders
// are made beside the main thread; until they are there the lines stay as they were.
#pragma once

#include "app/compare/change_list.h"
#include "app/models/mark_icons.h"

#include <QAbstractTableModel>
#include <memory>
#include <optional>

namespace coldscope::app {

[[nodiscard]] Mark mark_of(compare::Kind kind);
[[nodiscard]] QString name(compare::Kind kind);

class ChangeModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    static constexpr int mark_role = Qt::UserRole; // of the first column: a Mark

    explicit ChangeModel(QObject* parent = nullptr);
    ~ChangeModel() override;

    // Null: no lines. The order stays.
    void show(std::shared_ptr<const Compared> compared);
    void set_filter(const QString& part, std::uint32_t kinds);
    void set_theme(Theme theme);

    [[nodiscard]] const compare::Change* change_at(int line) const;
    // Of the open image; -1: not shown.
    [[nodiscard]] int line_of(erofs::NodeId node) const;
    [[nodiscard]] bool picking() const { return stop_ != nullptr; }
    [[nodiscard]] std::uint64_t fetch_shown() const { return list_.fetch; } // bytes

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;
    void sort(int column, Qt::SortOrder order) override;

private:
    void pick();
    void stop();
    [[nodiscard]] QString text(const compare::Change& change, ChangeColumn column) const;
    [[nodiscard]] QString what(const compare::Change& change) const;
    [[nodiscard]] QString size_of(const OpenedImage& image, erofs::NodeId node) const;

    std::shared_ptr<const Compared> compared_;
    ChangeOrder order_;
    ChangeList list_;
    std::shared_ptr<std::atomic<bool>> stop_; // of what is being picked; null: nothing is
    MarkIcons icons_;
};

} // namespace coldscope::app
