#include "app/compare/change_model.h"

#include "app/run/work_pool.h"
#include "app/style/text.h"

#include <QFutureWatcher>
#include <QtConcurrentRun>

namespace coldscope::app {

using compare::Change;
using compare::Kind;
using erofs::no_node;

namespace {

QString field_text(std::uint16_t field) {
    switch (field) {
    case compare::field::type:
        return ChangeModel::tr("type");
    case compare::field::content:
        return ChangeModel::tr("content");
    case compare::field::target:
        return ChangeModel::tr("link target");
    case compare::field::rdev:
        return ChangeModel::tr("device number");
    case compare::field::mode:
        return ChangeModel::tr("mode");
    case compare::field::uid:
        return ChangeModel::tr("owner");
    case compare::field::gid:
        return ChangeModel::tr("group");
    case compare::field::mtime:
        return ChangeModel::tr("time");
    case compare::field::links:
        return ChangeModel::tr("links");
    default:
        return ChangeModel::tr("xattrs");
    }
}

// Why it is not known whether the bytes are the same.
QString reason_text(compare::Basis basis) {
    switch (basis) {
    case compare::Basis::missing:
        return ChangeModel::tr("content unknown: a blob is missing");
    case compare::Basis::unsupported:
        return ChangeModel::tr("content unknown: not read yet");
    default:
        return ChangeModel::tr("content unknown: it could not be read");
    }
}

} // namespace

Mark mark_of(Kind kind) {
    switch (kind) {
    case Kind::same:
        return Mark::same;
    case Kind::changed:
        return Mark::changed;
    case Kind::added:
        return Mark::added;
    case Kind::removed:
        return Mark::removed;
    case Kind::moved:
        return Mark::moved;
    case Kind::unknown:
        break;
    }
    return Mark::untold;
}

QString name(Kind kind) {
    return name(mark_of(kind));
}

ChangeModel::ChangeModel(QObject* parent) : QAbstractTableModel(parent) {}

ChangeModel::~ChangeModel() {
    stop();
}

void ChangeModel::stop() {
    if (stop_)
        *stop_ = true;
    stop_.reset();
}

void ChangeModel::show(std::shared_ptr<const Compared> compared) {
    stop();
    beginResetModel();
    compared_ = std::move(compared);
    list_ = {};
    if (compared_)
        pick(); // before the views are told, who ask whether more is to come
    endResetModel();
}

void ChangeModel::set_filter(const QString& part, std::uint32_t kinds) {
    ChangeOrder order = order_;
    order.part = part.toStdString();
    order.kinds = kinds;
    if (order == order_)
        return;
    order_ = std::move(order);
    pick();
}

void ChangeModel::sort(int column, Qt::SortOrder order) {
    if (column < 0 || column >= change_columns)
        return;
    order_.column = static_cast<ChangeColumn>(column);
    order_.descending = order == Qt::DescendingOrder;
    pick();
}

void ChangeModel::pick() {
    stop();
    if (!compared_)
        return;
    stop_ = std::make_shared<std::atomic<bool>>(false);
    auto* watcher = new QFutureWatcher<std::shared_ptr<ChangeList>>(this);
    connect(watcher, &QFutureWatcherBase::finished, this, [this, watcher, stop = stop_] {
        watcher->deleteLater();
        if (stop != stop_)
            return;
        stop_.reset();
        beginResetModel();
        list_ = std::move(*watcher->result());
        endResetModel();
    });
    watcher->setFuture(
        QtConcurrent::run(&work_pool(), [compared = compared_, order = order_, stop = stop_] {
            return std::make_shared<ChangeList>(app::pick(*compared, order, *stop));
        }));
}

void ChangeModel::set_theme(Theme theme) {
    if (icons_.set_theme(theme) && rowCount() > 0)
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, 0), {Qt::DecorationRole});
}

const Change* ChangeModel::change_at(int line) const {
    return line >= 0 && static_cast<std::size_t>(line) < list_.lines.size()
               ? &compared_->result.changes[list_.lines[static_cast<std::size_t>(line)]]
               : nullptr;
}

int ChangeModel::line_of(erofs::NodeId node) const {
    return node < list_.line_of_node.size() && list_.line_of_node[node] != ChangeList::no_line
               ? static_cast<int>(list_.line_of_node[node])
               : -1;
}

int ChangeModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(list_.lines.size());
}

int ChangeModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : change_columns;
}

QString ChangeModel::size_of(const OpenedImage& image, erofs::NodeId node) const {
    if (node == no_node || !image.index.node(node).is_regular())
        return {};
    return size_text(image.index.node(node).size);
}

QString ChangeModel::what(const Change& change) const {
    QStringList parts;
    if (change.kind == Kind::moved)
        parts.push_back(tr("from %1").arg(
            QString::fromStdString(compared_->before->index.path(change.old_node))));
    for (std::size_t bit = 0; bit < compare::field_count; ++bit) {
        if (const auto field = static_cast<std::uint16_t>(1U << bit); (change.fields & field) != 0)
            parts.push_back(field_text(field));
    }
    if (!compare::is_known(change.basis))
        parts.push_back(reason_text(change.basis));
    if (change.kind == Kind::same && compared_->result.fetch[change.new_node] != 0)
        parts.push_back(tr("stored elsewhere"));
    return parts.join(QStringLiteral(", "));
}

QString ChangeModel::text(const Change& change, ChangeColumn column) const {
    switch (column) {
    case ChangeColumn::kind:
        return app::name(change.kind);
    case ChangeColumn::path:
        return QString::fromStdString(compared_->path(change));
    case ChangeColumn::what:
        return what(change);
    case ChangeColumn::size_before:
        return size_of(*compared_->before, change.old_node);
    case ChangeColumn::size_after:
        return size_of(*compared_->after, change.new_node);
    case ChangeColumn::fetch:
        break;
    }
    if (change.new_node == no_node || compared_->result.fetch[change.new_node] == 0)
        return {};
    return size_text(compared_->result.fetch[change.new_node]);
}

QVariant ChangeModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Change* change = change_at(index.row());
    if (change == nullptr)
        return {};
    const auto column = static_cast<ChangeColumn>(index.column());
    if (role == Qt::TextAlignmentRole)
        return headerData(index.column(), Qt::Horizontal, role);
    if (role == Qt::DecorationRole && column == ChangeColumn::kind)
        return icons_.of(app::mark_of(change->kind));
    if (role == mark_role && column == ChangeColumn::kind)
        return static_cast<int>(app::mark_of(change->kind));
    if (role == Qt::DisplayRole ||
        (role == Qt::ToolTipRole && (column == ChangeColumn::path || column == ChangeColumn::what)))
        return text(*change, column);
    return {};
}

QVariant ChangeModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    const auto column = static_cast<ChangeColumn>(section);
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>(
            (column >= ChangeColumn::size_before ? Qt::AlignRight : Qt::AlignLeft) |
            Qt::AlignVCenter);
    if (role == Qt::ToolTipRole && column == ChangeColumn::fetch)
        return tr("Bytes of the second image's file that the first image's node lacks. Bytes that "
                  "several files share count for one of them.");
    if (role != Qt::DisplayRole)
        return {};
    switch (column) {
    case ChangeColumn::kind:
        return tr("Change");
    case ChangeColumn::path:
        return tr("Path");
    case ChangeColumn::what:
        return tr("What differs");
    case ChangeColumn::size_before:
        return tr("Size before");
    case ChangeColumn::size_after:
        return tr("Size after");
    case ChangeColumn::fetch:
        return tr("To fetch");
    }
    return {};
}

} // namespace coldscope::app
