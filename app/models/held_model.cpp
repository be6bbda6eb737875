#include "app/models/held_model.h"

#include "app/models/request_text.h"
#include "app/style/text.h"

#include <algorithm>

namespace coldscope::app {

HeldModel::HeldModel(Workspace& workspace, QObject* parent)
    : QAbstractTableModel(parent), workspace_(workspace) {
    connect(&workspace_.host(), &RunHost::began, this, &HeldModel::restart);
}

void HeldModel::restart() {
    beginResetModel();
    rows_.clear();
    endResetModel();
}

void HeldModel::update() {
    const std::vector<Row> now = workspace_.host().waiting();
    for (std::size_t end = rows_.size(); end > 0;) {
        if (std::ranges::binary_search(now, rows_[end - 1])) {
            --end;
            continue;
        }
        std::size_t from = end - 1;
        while (from > 0 && !std::ranges::binary_search(now, rows_[from - 1]))
            --from;
        beginRemoveRows({}, static_cast<int>(from), static_cast<int>(end - 1));
        rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(from),
                    rows_.begin() + static_cast<std::ptrdiff_t>(end));
        endRemoveRows();
        end = from;
    }
    const bool stayed = !rows_.empty();
    for (std::size_t at = 0; at < now.size();) {
        if (at < rows_.size() && rows_[at] == now[at]) {
            ++at;
            continue;
        }
        std::size_t end = at + 1;
        while (end < now.size() && (at == rows_.size() || now[end] < rows_[at]))
            ++end;
        beginInsertRows({}, static_cast<int>(at), static_cast<int>(end - 1));
        rows_.insert(rows_.begin() + static_cast<std::ptrdiff_t>(at),
                     now.begin() + static_cast<std::ptrdiff_t>(at),
                     now.begin() + static_cast<std::ptrdiff_t>(end));
        endInsertRows();
        at = end;
    }
    if (stayed && !rows_.empty()) // held may have become delayed
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columns - 1));
}

std::optional<Row> HeldModel::row_at(int at) const {
    if (at < 0 || at >= rowCount())
        return {};
    return rows_[static_cast<std::size_t>(at)];
}

int HeldModel::place_of(Row row) const {
    const auto at = std::ranges::lower_bound(rows_, row);
    return at != rows_.end() && *at == row ? static_cast<int>(at - rows_.begin()) : -1;
}

void HeldModel::time_went_on() {
    if (!rows_.empty())
        Q_EMIT dataChanged(index(0, waits), index(rowCount() - 1, waits), {Qt::DisplayRole});
}

void HeldModel::set_theme(Theme theme) {
    if (icons_.set_theme(theme) && !rows_.empty())
        Q_EMIT dataChanged(index(0, id), index(rowCount() - 1, id), {Qt::DecorationRole});
}

int HeldModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

int HeldModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QVariant HeldModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Row row = rows_[static_cast<std::size_t>(index.row())];
    switch (role) {
    case Qt::DisplayRole:
        return text(row, index.column());
    case Qt::DecorationRole:
        return index.column() == id ? icons_.of(mark_of(workspace_.host().store().state(row)))
                                    : QVariant();
    case Qt::ToolTipRole:
        return index.column() == files ? files_text(workspace_, workspace_.host().store()[row], 16)
                                             .replace(QStringLiteral(", "), QStringLiteral("\n"))
                                       : text(row, index.column());
    case Qt::TextAlignmentRole:
        return headerData(index.column(), Qt::Horizontal, role);
    case row_role:
        return row;
    default:
        return {};
    }
}

QString HeldModel::text(Row at, int column) const {
    const RunHost& host = workspace_.host();
    const EventStore& store = host.store();
    const RequestRow& row = store[at];
    switch (column) {
    case id:
        return QString::number(row.id);
    case waits: {
        const Steering steering = store.steering(row);
        const Nanoseconds now = host.now();
        const bool delayed = store.state(at) == RequestState::delayed;
        const Nanoseconds since = delayed ? steering.delayed : steering.held;
        const QString time = duration_text(now > since ? now - since : 0);
        return delayed ? tr("delayed, %1 ago").arg(time) : time;
    }
    case process:
        return process_text(store.reader(row));
    case place:
        return tr("%1, %2 at %3")
            .arg(workspace_.object_name(row.object), size_text(row.length),
                 offset_text(row.offset));
    case files:
        return files_text(workspace_, row);
    case why:
        if ((row.flags & flag::by_rule) == 0)
            return tr("by hand");
        return row.rule > 0 ? tr("by rule %1").arg(row.rule) : tr("by rule");
    default:
        return {};
    }
}

QVariant HeldModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section == waits ? Qt::AlignRight : Qt::AlignLeft) |
                                Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case id:
        return tr("#");
    case waits:
        return tr("Waits for");
    case process:
        return tr("Process");
    case place:
        return tr("Object and range");
    case files:
        return tr("Files");
    case why:
        return tr("Why");
    default:
        return {};
    }
}

} // namespace coldscope::app
