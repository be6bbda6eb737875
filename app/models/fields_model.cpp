#include "app/models/fields_model.h"

#include "app/style/marks.h"
#include "app/style/text.h"

#include <QFont>
#include <algorithm>

namespace coldscope::app {

void FieldsModel::set_fields(std::vector<erofs::Field> fields, std::optional<std::size_t> wrong) {
    beginResetModel();
    fields_ = std::move(fields);
    wrong_ = wrong && *wrong < fields_.size() ? wrong : std::nullopt;
    endResetModel();
}

int FieldsModel::row_at(std::uint64_t offset) const {
    const auto field = std::ranges::find_if(fields_, [offset](const erofs::Field& each) {
        return offset >= each.offset && offset - each.offset < each.width;
    });
    return field == fields_.end() ? -1 : static_cast<int>(field - fields_.begin());
}

int FieldsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(fields_.size());
}

int FieldsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QVariant FieldsModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const auto row = static_cast<std::size_t>(index.row());
    const erofs::Field& field = fields_[row];
    const bool wrong = wrong_ == row;
    if (role == Qt::DecorationRole && index.column() == name && wrong)
        return icon("dialog-error");
    if (role == Qt::FontRole && wrong) {
        QFont bold;
        bold.setBold(true);
        return bold;
    }
    if (role == Qt::TextAlignmentRole)
        return headerData(index.column(), Qt::Horizontal, role);
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole)
        return {};
    switch (index.column()) {
    case name:
        return QString::fromStdString(field.name);
    case value:
        return QString::fromStdString(field.value);
    case at:
        return tr("%1, %2").arg(offset_text(field.offset)).arg(field.width);
    default:
        return {};
    }
}

QVariant FieldsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section == at ? Qt::AlignRight : Qt::AlignLeft) |
                                Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case name:
        return tr("Field");
    case value:
        return tr("Value");
    case at:
        return tr("At, bytes");
    default:
        return {};
    }
}

} // namespace coldscope::app
