#include "app/sharing/images_model.h"

#include "app/sharing/sharing_text.h"
#include "app/style/text.h"

#include <QFileInfo>
#include <algorithm>

namespace coldscope::app {

ImagesModel::ImagesModel(SharingState& state, QObject* parent)
    : QAbstractTableModel(parent), state_(state) {
    connect(&state_.set(), &SharingSet::entries_changed, this, &ImagesModel::follow);
    connect(&state_, &SharingState::changed, this, &ImagesModel::follow_marks);
    follow();
}

void ImagesModel::follow() {
    const auto now = static_cast<int>(state_.set().entries().size());
    if (now != rows_) {
        beginResetModel();
        rows_ = now;
        endResetModel();
    } else if (rows_ > 0) {
        Q_EMIT dataChanged(index(0, 0), index(rows_ - 1, columns - 1));
    }
}

// What is being typed elsewhere stays.
void ImagesModel::follow_marks() {
    if (rows_ > 0)
        Q_EMIT dataChanged(index(0, first_mark), index(rows_ - 1, columns - 1));
}

int ImagesModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : rows_;
}

int ImagesModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QString ImagesModel::bytes_of(const SharingSet::Entry& entry, std::size_t mark) const {
    const auto& predicted = state_.predicted();
    if (!predicted || !entry.opened)
        return {};
    const auto at = std::ranges::find(predicted->images, entry.opened);
    if (at == predicted->images.end())
        return {};
    const Tally& tally = state_.seen() ? state_.seen()->tally : predicted->tally;
    const Tally::Part* part =
        tally.folder(FileUnion::root, static_cast<std::size_t>(at - predicted->images.begin()));
    if (part == nullptr || part->by_mark[mark] == 0)
        return QStringLiteral("–");
    return size_text(part->by_mark[mark]);
}

QString ImagesModel::text(const SharingSet::Entry& entry, int column) const {
    switch (column) {
    case image: {
        const QString name = QFileInfo(entry.path).fileName();
        if (!entry.error.isEmpty())
            return tr("%1 (failed)").arg(name);
        return name;
    }
    case domain:
        return QString::fromStdString(entry.mounted.domain);
    case folder:
        return entry.folder.isEmpty() ? tr("nowhere known") : entry.folder;
    case inode_share:
    case dax:
        return {};
    default:
        return bytes_of(entry, static_cast<std::size_t>(column - first_mark));
    }
}

QVariant ImagesModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid) ||
        static_cast<std::size_t>(index.row()) >= state_.set().entries().size())
        return {};
    const SharingSet::Entry& entry = state_.set().entries()[static_cast<std::size_t>(index.row())];
    const int column = index.column();
    switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
        return text(entry, column);
    case Qt::CheckStateRole:
        if (column == inode_share)
            return entry.mounted.inode_share ? Qt::Checked : Qt::Unchecked;
        if (column == dax)
            return entry.mounted.dax ? Qt::Checked : Qt::Unchecked;
        return {};
    case Qt::ToolTipRole:
        if (column == image)
            return entry.error.isEmpty() ? entry.path : entry.error;
        if (column == domain)
            return tr("The domain_id it is mounted with, which the kernel does not tell");
        return column == folder ? text(entry, column) : QVariant();
    case Qt::TextAlignmentRole:
        return headerData(column, Qt::Horizontal, role);
    default:
        return {};
    }
}

bool ImagesModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return false;
    const auto row = static_cast<std::size_t>(index.row());
    sharing::Mounted mounted = state_.set().entries()[row].mounted;
    const bool checked = value.value<Qt::CheckState>() == Qt::Checked;
    if (role == Qt::CheckStateRole && index.column() == inode_share)
        mounted.inode_share = checked;
    else if (role == Qt::CheckStateRole && index.column() == dax)
        mounted.dax = checked;
    else if (role == Qt::EditRole && index.column() == domain)
        mounted.domain = value.toString().trimmed().toStdString();
    else
        return false;
    state_.set().set_mounted(row, mounted);
    return true;
}

Qt::ItemFlags ImagesModel::flags(const QModelIndex& index) const {
    Qt::ItemFlags flags = QAbstractTableModel::flags(index);
    if (index.column() == inode_share || index.column() == dax)
        flags |= Qt::ItemIsUserCheckable;
    if (index.column() == domain)
        flags |= Qt::ItemIsEditable;
    return flags;
}

QVariant ImagesModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section >= first_mark ? Qt::AlignRight : Qt::AlignLeft) |
                                Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case image:
        return tr("Image");
    case inode_share:
        return QStringLiteral("inode_share");
    case domain:
        return QStringLiteral("domain_id");
    case dax:
        return QStringLiteral("dax");
    case folder:
        return tr("Mounted at");
    default:
        return name(mark_of(static_cast<sharing::Mark>(section - first_mark)));
    }
}

} // namespace coldscope::app
