#include "app/models/findings_model.h"

#include "app/style/marks.h"
#include "app/style/text.h"

namespace coldscope::app {

namespace {

QIcon severity_icon(erofs::Severity severity) {
    switch (severity) {
    case erofs::Severity::error:
        return icon("dialog-error");
    case erofs::Severity::warning:
        return icon("dialog-warning");
    case erofs::Severity::note:
        break;
    }
    return icon("dialog-information");
}

} // namespace

FindingsModel::FindingsModel(Workspace& workspace, QObject* parent)
    : QAbstractTableModel(parent), workspace_(workspace), findings_(workspace.findings()) {
    connect(&workspace_, &Workspace::findings_changed, this, &FindingsModel::restart);
}

void FindingsModel::restart() {
    beginResetModel();
    findings_ = workspace_.findings();
    endResetModel();
}

const erofs::Finding* FindingsModel::finding_at(int at) const {
    const auto& list = findings_.list();
    return at >= 0 && static_cast<std::size_t>(at) < list.size()
               ? &list[static_cast<std::size_t>(at)]
               : nullptr;
}

int FindingsModel::rowCount(const QModelIndex& parent) const {
    if (parent.isValid())
        return 0;
    return static_cast<int>(findings_.list().size()) + (findings_.left_out() > 0 ? 1 : 0);
}

int FindingsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QVariant FindingsModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const erofs::Finding* finding = finding_at(index.row());
    if (role == Qt::TextAlignmentRole)
        return headerData(index.column(), Qt::Horizontal, role);
    if (finding == nullptr)
        return role == Qt::DisplayRole && index.column() == message
                   ? tr("%1 more left out").arg(count_text(findings_.left_out()))
                   : QVariant();
    if (role == Qt::DecorationRole && index.column() == severity)
        return severity_icon(finding->severity);
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole)
        return {};
    switch (index.column()) {
    case severity:
        switch (finding->severity) {
        case erofs::Severity::error:
            return tr("error");
        case erofs::Severity::warning:
            return tr("warning");
        case erofs::Severity::note:
            return tr("note");
        }
        return {};
    case offset:
        return finding->offset == no_offset ? QStringLiteral("–") : count_text(finding->offset);
    case structure:
        return QString::fromStdString(finding->structure);
    case field:
        return QString::fromStdString(finding->field);
    case value:
        return QString::fromStdString(finding->value);
    case message:
        return QString::fromStdString(finding->message);
    case advice:
        return QString::fromStdString(finding->advice);
    default:
        return {};
    }
}

QVariant FindingsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section == offset ? Qt::AlignRight : Qt::AlignLeft) |
                                Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case severity:
        return tr("Severity");
    case offset:
        return tr("At byte");
    case structure:
        return tr("Structure");
    case field:
        return tr("Field");
    case value:
        return tr("Value");
    case message:
        return tr("What is wrong");
    case advice:
        return tr("What to do");
    default:
        return {};
    }
}

} // namespace coldscope::app
