// The fields of one structure of the image, as a table: name, value, where.
#pragma once

#include "core/erofs/fields.h"

#include <QAbstractTableModel>
#include <optional>
#include <vector>

namespace coldscope::app {

class FieldsModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { name, value, at };
    static constexpr int columns = at + 1;

    using QAbstractTableModel::QAbstractTableModel;

    // wrong: the one that a finding is about.
    void set_fields(std::vector<erofs::Field> fields, std::optional<std::size_t> wrong);
    [[nodiscard]] const std::vector<erofs::Field>& fields() const { return fields_; }
    [[nodiscard]] std::optional<std::size_t> wrong() const { return wrong_; }
    // The row of the field with this byte; -1: none.
    [[nodiscard]] int row_at(std::uint64_t offset) const;

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    std::vector<erofs::Field> fields_;
    std::optional<std::size_t> wrong_;
};

} // namespace coldscope::app
