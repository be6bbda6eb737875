#include "app/sharing/holders_model.h"

#include "app/sharing/sharing_text.h"
#include "app/style/text.h"

#include <map>

namespace coldscope::app {

HoldersModel::HoldersModel(QObject* parent) : QAbstractTableModel(parent) {}

void HoldersModel::show(std::shared_ptr<const Predicted> predicted,
                        std::shared_ptr<const Seen> seen,
                        const std::optional<ChosenPiece>& chosen) {
    beginResetModel();
    predicted_ = std::move(predicted);
    holders_.clear();
    more_ = false;
    if (predicted_ && chosen) {
        holders_ = predicted_->prediction.holders(chosen->image, chosen->node, chosen->range, most);
        more_ = holders_.size() >= most;
        if (seen)
            add_seen(*seen, *chosen);
    }
    endResetModel();
}

// Those that share now come first, in place of what was predicted of them.
void HoldersModel::add_seen(const Seen& seen, const ChosenPiece& chosen) {
    const auto held = seen.observed.holders(chosen.image, chosen.node, chosen.range, most);
    std::vector<sharing::Holder> now;
    for (const sharing::SeenHolder& one : held) {
        const sharing::SampledFile& file = seen.taken->list->files[one.file];
        if (file.image == sharing::SampledFile::nobody || file.node == erofs::no_node)
            continue;
        now.push_back({file.image, file.node, one.offset, one.length, sharing::Mark::shared_now,
                       sharing::Reason::none, one.same_file});
    }
    std::map<std::pair<std::uint32_t, erofs::NodeId>, RangeSet> shared;
    for (const sharing::Holder& one : now)
        shared[{one.image, one.node}].add({one.offset, one.offset + one.length});
    more_ = more_ || held.size() >= most;
    for (sharing::Holder& holder : holders_) {
        for (const Range& left : shared[{holder.image, holder.node}].missing(
                 {holder.offset, holder.offset + holder.length})) {
            holder.offset = left.begin;
            holder.length = left.length();
            now.push_back(holder);
        }
    }
    holders_ = std::move(now);
}

void HoldersModel::set_theme(Theme theme) {
    if (icons_.set_theme(theme) && rowCount() > 0)
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, 0), {Qt::DecorationRole});
}

std::optional<ChosenPiece> HoldersModel::piece_at(int row) const {
    if (row < 0 || static_cast<std::size_t>(row) >= holders_.size())
        return {};
    const sharing::Holder& holder = holders_[static_cast<std::size_t>(row)];
    return ChosenPiece{holder.image, holder.node, {holder.offset, holder.offset + holder.length}};
}

int HoldersModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(holders_.size());
}

int HoldersModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QString HoldersModel::text(const sharing::Holder& holder, int column) const {
    const OpenedImage& opened = *predicted_->images[holder.image];
    switch (column) {
    case how:
        return holder.same_file ? tr("same file") : mark_text(holder.mark, holder.reason);
    case path:
        return QString::fromStdString(opened.index.path(holder.node));
    case image:
        return image_name(opened);
    case where:
        return range_text({holder.offset, holder.offset + holder.length});
    default:
        return {};
    }
}

QVariant HoldersModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const sharing::Holder& holder = holders_[static_cast<std::size_t>(index.row())];
    if (role == Qt::DecorationRole && index.column() == path)
        return icons_.of(mark_of(holder.same_file ? sharing::Mark::shared_now : holder.mark));
    if (role == Qt::DisplayRole || role == Qt::ToolTipRole)
        return text(holder, index.column());
    return {};
}

QVariant HoldersModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole)
        return {};
    switch (section) {
    case how:
        return tr("How");
    case path:
        return tr("File");
    case image:
        return tr("Image");
    case where:
        return tr("Range");
    default:
        return {};
    }
}

} // namespace coldscope::app
