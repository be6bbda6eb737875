#include "app/models/request_model.h"

#include "app/models/request_text.h"
#include "app/style/text.h"

#include <QLocale>
#include <algorithm>

namespace coldscope::app {

namespace {

constexpr Row between_looks = 512; // rows between two looks at the clock

RequestOrder::By order_of(int column) {
    using By = RequestOrder::By;
    switch (column) {
    case RequestModel::process:
        return By::process;
    case RequestModel::object:
        return By::object;
    case RequestModel::offset:
        return By::offset;
    case RequestModel::size:
        return By::length;
    case RequestModel::state:
        return By::state;
    case RequestModel::duration:
        return By::took;
    case RequestModel::fetched:
        return By::fetched;
    default:
        return By::arrival;
    }
}

} // namespace

RequestModel::RequestModel(Workspace& workspace, QObject* parent)
    : QAbstractTableModel(parent), workspace_(workspace), filter_(workspace) {
    connect(&workspace_.host(), &RunHost::began, this, &RequestModel::restart);
    connect(&workspace_, &Workspace::image_changed, this, &RequestModel::restart);
}

void RequestModel::restart() {
    filter_.forget();
    beginResetModel();
    order_.clear();
    open_.clear();
    mark_ = {};
    looked_at_ = 0;
    endResetModel();
}

void RequestModel::set_filter(const QString& text, bool only_waiting) {
    filter_.set(text, only_waiting);
    restart();
}

bool RequestModel::update(Nanoseconds budget) {
    EventStore& store = workspace_.host().store();
    const Changes changes = store.changes_since(mark_);
    if (!changes.changed.empty() || looked_at_ < store.size())
        take_in(changes.changed, budget);
    return looked_at_ == store.size();
}

void RequestModel::take_in(const std::vector<Row>& changed, Nanoseconds budget) {
    EventStore& store = workspace_.host().store();
    std::vector<std::size_t> removed;
    std::vector<std::size_t> moved_from;
    std::vector<Entry> moved;
    std::vector<Entry> added;
    std::size_t first = order_.size(); // of those that changed where they stand
    std::size_t last = 0;
    const auto list = [&](Row row) {
        added.push_back(order_.make(store, row));
        if (store[row].open())
            open_.emplace(row, added.back());
    };
    for (const Row row : changed) {
        if (row >= looked_at_)
            continue;
        const auto was = open_.find(row);
        const bool fits = filter_.all() || filter_.matches(row);
        if (was == open_.end()) {
            if (fits)
                list(row);
            continue;
        }
        const auto place = order_.find(was->second);
        const Entry now = order_.make(store, row);
        const bool moves = now != was->second;
        if (!fits || !store[row].open())
            open_.erase(was);
        else
            was->second = now;
        if (!place)
            continue;
        if (!fits) {
            removed.push_back(*place);
        } else if (moves) {
            moved_from.push_back(*place);
            moved.push_back(now);
        } else {
            first = std::min(first, *place);
            last = std::max(last, *place);
        }
    }
    if (first <= last && first < order_.size())
        Q_EMIT dataChanged(index(static_cast<int>(first), 0),
                           index(static_cast<int>(last), columns - 1));

    const Nanoseconds begin = monotonic_now();
    const Row from = looked_at_;
    for (const Row end = store.size(); looked_at_ < end; ++looked_at_) {
        if (looked_at_ - from >= between_looks && (looked_at_ - from) % between_looks == 0 &&
            monotonic_now() - begin >= budget)
            break;
        if (filter_.all() || filter_.matches(looked_at_))
            list(looked_at_);
    }
    if (!removed.empty()) {
        // What is taken out moves the places behind it.
        std::sort(removed.begin(), removed.end());
        for (std::size_t& place : moved_from)
            place -= static_cast<std::size_t>(
                std::lower_bound(removed.begin(), removed.end(), place) - removed.begin());
        remove(std::move(removed));
    }
    if (!added.empty() || !moved.empty()) {
        std::sort(moved_from.begin(), moved_from.end());
        insert(std::move(added), moved_from, moved);
    }
}

// Takes out one run of lines; what lies scattered is moved to the end first.
void RequestModel::remove(std::vector<std::size_t> places) {
    const std::size_t count = places.size();
    if (places.back() - places.front() + 1 != count) {
        Q_EMIT layoutAboutToBeChanged({}, QAbstractItemModel::VerticalSortHint);
        const std::size_t kept = order_.size() - count;
        const QModelIndexList before = persistentIndexList();
        QModelIndexList after;
        for (const QModelIndex& old : before) {
            const auto place = static_cast<std::size_t>(old.row());
            const auto at = std::lower_bound(places.begin(), places.end(), place);
            const auto out = static_cast<std::size_t>(at - places.begin());
            const std::size_t to = at != places.end() && *at == place ? kept + out : place - out;
            after.push_back(index(static_cast<int>(to), old.column()));
        }
        order_.move_to_end(places);
        changePersistentIndexList(before, after);
        Q_EMIT layoutChanged({}, QAbstractItemModel::VerticalSortHint);
        places.front() = kept;
    }
    const std::size_t from = places.front();
    beginRemoveRows({}, static_cast<int>(from), static_cast<int>(from + count - 1));
    order_.erase(from, from + count);
    endRemoveRows();
}

// Puts new lines behind the last, and then, if they belong elsewhere, all to their places.
void RequestModel::insert(std::vector<Entry> added, const std::vector<std::size_t>& moved_from,
                          const std::vector<Entry>& moved) {
    order_.sort(added);
    const std::size_t from = order_.size();
    if (!added.empty()) {
        beginInsertRows({}, static_cast<int>(from), static_cast<int>(from + added.size() - 1));
        order_.append(added);
        endInsertRows();
    }
    if (moved.empty() && order_.in_order(from))
        return;
    Q_EMIT layoutAboutToBeChanged({}, QAbstractItemModel::VerticalSortHint);
    const QModelIndexList before = persistentIndexList();
    std::vector<Row> rows;
    for (const QModelIndex& old : before)
        rows.push_back(order_.row(static_cast<std::size_t>(old.row())));
    added.insert(added.end(), moved.begin(), moved.end());
    order_.sort(added);
    order_.merge(moved_from, from, added);
    QModelIndexList after;
    for (qsizetype i = 0; i < before.size(); ++i)
        after.push_back(index_of(rows[static_cast<std::size_t>(i)], before[i].column()));
    changePersistentIndexList(before, after);
    Q_EMIT layoutChanged({}, QAbstractItemModel::VerticalSortHint);
}

void RequestModel::sort(int column, Qt::SortOrder order) {
    if (!can_sort(column))
        return;
    EventStore& store = workspace_.host().store();
    Q_EMIT layoutAboutToBeChanged({}, QAbstractItemModel::VerticalSortHint);
    const QModelIndexList before = persistentIndexList();
    std::vector<Row> rows;
    for (const QModelIndex& old : before)
        rows.push_back(order_.row(static_cast<std::size_t>(old.row())));
    order_.set(order_of(column), column >= 0 && order == Qt::DescendingOrder, store);
    for (auto& [row, entry] : open_)
        entry = order_.make(store, row);
    QModelIndexList after;
    for (qsizetype i = 0; i < before.size(); ++i)
        after.push_back(index_of(rows[static_cast<std::size_t>(i)], before[i].column()));
    changePersistentIndexList(before, after);
    Q_EMIT layoutChanged({}, QAbstractItemModel::VerticalSortHint);
}

std::optional<Row> RequestModel::row_at(int at) const {
    if (at < 0 || at >= rowCount())
        return {};
    return order_.row(static_cast<std::size_t>(at));
}

std::optional<std::size_t> RequestModel::place_of(Row row) const {
    if (row >= looked_at_)
        return {};
    if (const auto open = open_.find(row); open != open_.end())
        return order_.find(open->second);
    return order_.find(order_.entry_of(workspace_.host().store(), row));
}

QModelIndex RequestModel::index_of(Row row, int column) const {
    const auto place = place_of(row);
    return place ? index(static_cast<int>(*place), column) : QModelIndex();
}

void RequestModel::time_went_on(int first, int last) {
    const EventStore& store = workspace_.host().store();
    for (int at = std::max(first, 0); at <= std::min(last, rowCount() - 1); ++at) {
        if (store[order_.row(static_cast<std::size_t>(at))].open())
            Q_EMIT dataChanged(index(at, duration), index(at, duration), {Qt::DisplayRole});
    }
}

void RequestModel::set_theme(Theme theme) {
    if (icons_.set_theme(theme) && rowCount() > 0)
        Q_EMIT dataChanged(index(0, state), index(rowCount() - 1, state), {Qt::DecorationRole});
}

int RequestModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(order_.size());
}

int RequestModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QVariant RequestModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Row row = order_.row(static_cast<std::size_t>(index.row()));
    switch (role) {
    case Qt::DisplayRole:
        return text(row, index.column());
    case Qt::DecorationRole:
        return index.column() == state ? icons_.of(mark_of(workspace_.host().store().state(row)))
                                       : QVariant();
    case Qt::TextAlignmentRole:
        return headerData(index.column(), Qt::Horizontal, role);
    case Qt::ToolTipRole:
        return tool_tip(row, index.column());
    case row_role:
        return row;
    default:
        return {};
    }
}

QString RequestModel::text(Row at, int column) const {
    const RunHost& host = workspace_.host();
    const EventStore& store = host.store();
    const RequestRow& row = store[at];
    switch (column) {
    case time: {
        const Nanoseconds since = row.start < host.began_at() ? 0 : row.start - host.began_at();
        return QLocale().toString(static_cast<double>(since) / second, 'f', 6);
    }
    case id:
        return QString::number(row.id);
    case process:
        return process_text(store.reader(row));
    case object:
        return workspace_.object_name(row.object);
    case offset:
        return offset_text(row.offset);
    case size:
        return row.length_known ? size_text(row.length) : QString();
    case files:
        return files_text(workspace_, row);
    case state:
        return state_text(store, at);
    case duration:
        return duration_text(took(row, host.now()));
    case fetched:
        return row.fetched == 0 ? QStringLiteral("–") : size_text(row.fetched);
    default:
        return {};
    }
}

QString RequestModel::tool_tip(Row at, int column) const {
    const EventStore& store = workspace_.host().store();
    const RequestRow& row = store[at];
    switch (column) {
    case time:
        return tr("seconds since the run began");
    case offset:
        return tr("byte %1").arg(count_text(row.offset));
    case size:
        return exact_size_text(row.length);
    case fetched:
        return tr("This request set off the fetching of %1").arg(exact_size_text(row.fetched));
    case files:
        return files_text(workspace_, row, 16).replace(QStringLiteral(", "), QStringLiteral("\n"));
    case state:
        return row.open() || row.result == 0 ? state_text(store, at) : errno_text(row.result);
    default:
        return text(at, column);
    }
}

QVariant RequestModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole) {
        const bool figure = section == time || section == id || section == offset ||
                            section == size || section == duration || section == fetched;
        return static_cast<int>((figure ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case time:
        return tr("Time, s");
    case id:
        return tr("#");
    case process:
        return tr("Process");
    case object:
        return tr("Object");
    case offset:
        return tr("Offset");
    case size:
        return tr("Size");
    case files:
        return tr("Files");
    case state:
        return tr("State");
    case duration:
        return tr("Took");
    case fetched:
        return tr("Fetched");
    default:
        return {};
    }
}

} // namespace coldscope::app
