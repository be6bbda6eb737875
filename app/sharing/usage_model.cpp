#include "app/sharing/usage_model.h"

#include "app/sharing/sharing_text.h"
#include "app/style/text.h"

#include <QFont>

namespace coldscope::app {

UsageModel::UsageModel(QObject* parent) : QAbstractTableModel(parent) {}

void UsageModel::show(const QStringList& images, const std::vector<sharing::Usage>& usage,
                      bool seen) {
    beginResetModel();
    images_ = images;
    usage_ = usage;
    seen_ = seen;
    endResetModel();
}

QString UsageModel::csv() const {
    return usage_csv(images_, usage_, seen_);
}

int UsageModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() || usage_.empty() ? 0 : static_cast<int>(usage_.size()) + 1;
}

int UsageModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QString UsageModel::text(const sharing::Usage& one, int column) const {
    switch (column) {
    case files:
        return count_text(one.files);
    case off:
        return size_text(one.off);
    case by_fingerprint:
        return size_text(one.by_fingerprint);
    case by_blob:
        return size_text(one.by_rfc);
    case observed:
        return seen_ ? size_text(one.observed) : tr("unknown");
    default:
        return {};
    }
}

QVariant UsageModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const auto row = static_cast<std::size_t>(index.row());
    const bool all = row == usage_.size();
    if (role == Qt::TextAlignmentRole)
        return headerData(index.column(), Qt::Horizontal, role);
    if (role == Qt::FontRole && all) {
        QFont bold;
        bold.setBold(true);
        return bold;
    }
    if (role != Qt::DisplayRole)
        return {};
    if (index.column() == image)
        return all ? tr("all together") : images_.value(index.row());
    if (!all)
        return text(usage_[row], index.column());
    sharing::Usage sum;
    for (const sharing::Usage& one : usage_) {
        sum.off += one.off;
        sum.by_fingerprint += one.by_fingerprint;
        sum.by_rfc += one.by_rfc;
        sum.observed += one.observed;
        sum.files += one.files;
    }
    return text(sum, index.column());
}

QVariant UsageModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section == image ? Qt::AlignLeft : Qt::AlignRight) |
                                Qt::AlignVCenter);
    if (role == Qt::ToolTipRole) {
        switch (section) {
        case off:
            return tr("Every mount has its own pages, as without inode_share");
        case by_fingerprint:
            return tr("What it adds where inode_share holds equal files once (Linux 7.0)");
        case by_blob:
            return tr("What it adds by the rule of the page-cache sharing RFC, which no released "
                      "kernel has");
        case observed:
            return tr("What it adds in page frames, as the sample has them");
        default:
            return {};
        }
    }
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case image:
        return tr("Image");
    case files:
        return tr("Files");
    case off:
        return tr("Sharing off");
    case by_fingerprint:
        return tr("By fingerprint");
    case by_blob:
        return tr("By blob");
    case observed:
        return tr("Observed");
    default:
        return {};
    }
}

} // namespace coldscope::app
