#include "app/models/tree_model.h"

#include "app/style/marks.h"
#include "app/style/text.h"
#include "core/erofs/features.h"

#include <set>

#include <sys/stat.h>

namespace coldscope::app {

namespace {

constexpr int telling_ms = 100;
constexpr int devices_kept = 8192; // texts

QString kind_text(std::uint16_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return TreeModel::tr("folder");
    case S_IFREG:
        return TreeModel::tr("file");
    case S_IFLNK:
        return TreeModel::tr("symbolic link");
    case S_IFCHR:
        return TreeModel::tr("character device");
    case S_IFBLK:
        return TreeModel::tr("block device");
    case S_IFIFO:
        return TreeModel::tr("FIFO");
    case S_IFSOCK:
        return TreeModel::tr("socket");
    default:
        return TreeModel::tr("not readable");
    }
}

bool has_bytes(const erofs::Node& node) {
    return node.is_regular() || S_ISLNK(node.mode);
}

} // namespace

TreeModel::TreeModel(Workspace& workspace, QObject* parent)
    : QAbstractItemModel(parent), workspace_(workspace), image_(workspace.shown()),
      reading_(image_ != nullptr && image_ == workspace.reading()), devices_(devices_kept),
      folder_(icon("folder")), file_(icon("text-x-generic")), link_(icon("emblem-symbolic-link")),
      other_(icon("other-file")) {
    telling_.setSingleShot(true);
    telling_.setInterval(telling_ms);
    connect(&telling_, &QTimer::timeout, this, &TreeModel::tell_local);
    connect(&workspace_, &Workspace::image_changed, this, &TreeModel::image_changed);
    connect(&workspace_.residency(), &Residency::changed, this, [this] {
        if (!telling_.isActive())
            telling_.start();
    });
}

// The root that was read first has the same lines and nodes in the whole image.
bool TreeModel::is_rest(const OpenedImage& image) const {
    if (!image_ || !reading_ || image_->devices.front() != image.devices.front())
        return false;
    const auto before = image_->index.children(erofs::root_node);
    const auto now = image.index.children(erofs::root_node);
    if (before.first != now.first || before.count != now.count)
        return false;
    for (erofs::NodeId node = now.first; node < now.first + now.count; ++node) {
        if (image_->index.node(node).nid != image.index.node(node).nid ||
            image_->index.name(node) != image.index.name(node))
            return false;
    }
    return true;
}

void TreeModel::image_changed() {
    const auto& image = workspace_.shown();
    if (image == image_)
        return;
    if (!image || !is_rest(*image))
        return restart();
    Q_EMIT layoutAboutToBeChanged();
    image_ = image;
    reading_ = false;
    looked_into_.clear();
    devices_.clear();
    Q_EMIT layoutChanged();
}

void TreeModel::restart() {
    beginResetModel();
    image_ = workspace_.shown();
    reading_ = image_ != nullptr && image_ == workspace_.reading();
    looked_into_.clear();
    devices_.clear();
    endResetModel();
}

void TreeModel::tell_local() {
    if (!image_ || image_ != workspace_.image())
        return;
    for (auto& [folder, told] : looked_into_) {
        // Nothing known is another figure than nothing local.
        const std::uint64_t now = workspace_.residency().known()
                                      ? workspace_.residency().local_of(folder)
                                      : ~std::uint64_t{0};
        if (now == told)
            continue;
        told = now;
        const auto children = image_->index.children(folder);
        if (children.count > 0)
            Q_EMIT dataChanged(index_of(children.first, local),
                               index_of(children.first + children.count - 1, local));
    }
}

std::optional<erofs::NodeId> TreeModel::node_of(const QModelIndex& index) const {
    if (!image_ || !index.isValid() || index.model() != this)
        return {};
    return static_cast<erofs::NodeId>(index.internalId());
}

QModelIndex TreeModel::index_of(erofs::NodeId node, int column) const {
    if (!image_ || node == erofs::root_node || node >= image_->index.size())
        return {};
    const auto siblings = image_->index.children(image_->index.node(node).parent);
    return createIndex(static_cast<int>(node - siblings.first), column,
                       static_cast<quintptr>(node));
}

QModelIndex TreeModel::index(int row, int column, const QModelIndex& parent) const {
    if (!image_ || row < 0 || column < 0 || column >= columns || parent.column() > 0)
        return {};
    const auto children = image_->index.children(node_of(parent).value_or(erofs::root_node));
    if (static_cast<std::uint32_t>(row) >= children.count)
        return {};
    return createIndex(row, column,
                       static_cast<quintptr>(children.first + static_cast<std::uint32_t>(row)));
}

QModelIndex TreeModel::parent(const QModelIndex& index) const {
    const auto node = node_of(index);
    return node ? index_of(image_->index.node(*node).parent) : QModelIndex();
}

int TreeModel::rowCount(const QModelIndex& parent) const {
    if (!image_ || parent.column() > 0)
        return 0;
    const erofs::NodeId folder = node_of(parent).value_or(erofs::root_node);
    const auto count = static_cast<int>(image_->index.children(folder).count);
    if (count > 0)
        looked_into_.try_emplace(folder, ~std::uint64_t{0});
    return count;
}

int TreeModel::columnCount(const QModelIndex&) const {
    return columns;
}

bool TreeModel::hasChildren(const QModelIndex& parent) const {
    if (!image_ || parent.column() > 0)
        return false;
    const erofs::NodeId folder = node_of(parent).value_or(erofs::root_node);
    return image_->index.children(folder).count > 0 ||
           (reading_ && folder != erofs::root_node && image_->index.node(folder).is_directory());
}

QVariant TreeModel::data(const QModelIndex& index, int role) const {
    const auto node = node_of(index);
    if (!node || !checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    switch (role) {
    case Qt::DisplayRole:
        return text(*node, index.column());
    case Qt::DecorationRole:
        return index.column() == name ? icon_of(*node) : QVariant();
    case Qt::TextAlignmentRole:
        return headerData(index.column(), Qt::Horizontal, role);
    case Qt::ToolTipRole:
        return tool_tip(*node);
    case node_role:
        return *node;
    case share_role: {
        const std::uint64_t stored = workspace_.residency().stored_of(*node);
        if (index.column() != local || !workspace_.residency().known() || stored == 0)
            return {};
        return static_cast<double>(workspace_.residency().local_of(*node)) /
               static_cast<double>(stored);
    }
    default:
        return {};
    }
}

QString TreeModel::text(erofs::NodeId id, int column) const {
    const erofs::Node& node = image_->index.node(id);
    switch (column) {
    case name: {
        const std::string_view text = image_->index.name(id);
        return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
    }
    case size:
        return has_bytes(node) ? size_text(node.size) : QString();
    case local:
        return local_text(id);
    case layout:
        return has_bytes(node) ? QString::fromLatin1(erofs::name(node.layout)) : QString();
    case devices:
        return devices_text(id);
    default:
        return {};
    }
}

QString TreeModel::local_text(erofs::NodeId id) const {
    const erofs::Node& node = image_->index.node(id);
    const Residency& residency = workspace_.residency();
    const std::uint64_t stored = residency.stored_of(id);
    if (reading_)
        return {};
    if (stored == 0)
        return node.is_regular() && node.size > 0 ? tr("no data") : QString();
    if (!residency.known())
        return QStringLiteral("–");
    return share_text(static_cast<double>(residency.local_of(id)) / static_cast<double>(stored));
}

QString TreeModel::devices_text(erofs::NodeId id) const {
    if (!image_->index.node(id).is_regular())
        return {};
    if (const QString* known = devices_.object(id))
        return *known;
    std::set<std::uint16_t> found;
    for (const erofs::Extent& extent : workspace_.extents_of(id)) {
        if (extent.is_placed())
            found.insert(extent.device);
    }
    QStringList names;
    for (const std::uint16_t device : found)
        names.push_back(device == 0 ? tr("bootstrap") : tr("blob %1").arg(device));
    const QString text = names.join(QStringLiteral(", "));
    devices_.insert(id, new QString(text));
    return text;
}

QString TreeModel::tool_tip(erofs::NodeId id) const {
    const erofs::Node& node = image_->index.node(id);
    QStringList lines{workspace_.path_of(id)};
    lines.push_back(tr("%1, mode %2, nid %3")
                        .arg(kind_text(node.mode),
                             QString::number(node.mode & 07777, 8).rightJustified(4, u'0'))
                        .arg(node.nid));
    if (has_bytes(node))
        lines.push_back(exact_size_text(node.size));
    if (node.is_directory() && !reading_)
        lines.push_back(
            tr("%n entries", nullptr, static_cast<int>(image_->index.children(id).count)));
    const Residency& residency = workspace_.residency();
    if (const std::uint64_t stored = residency.stored_of(id); stored > 0)
        lines.push_back(residency.known()
                            ? tr("%1 of %2 stored bytes are local")
                                  .arg(count_text(residency.local_of(id)), count_text(stored))
                            : tr("%1 bytes stored").arg(count_text(stored)));
    return lines.join(QLatin1Char('\n'));
}

const QIcon& TreeModel::icon_of(erofs::NodeId id) const {
    switch (image_->index.node(id).mode & S_IFMT) {
    case S_IFDIR:
        return folder_;
    case S_IFREG:
        return file_;
    case S_IFLNK:
        return link_;
    default:
        return other_;
    }
}

QVariant TreeModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>(
            (section == size || section == local ? Qt::AlignRight : Qt::AlignLeft) |
            Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case name:
        return tr("Name");
    case size:
        return tr("Size");
    case local:
        return tr("Local");
    case layout:
        return tr("Layout");
    case devices:
        return tr("Devices");
    default:
        return {};
    }
}

} // namespace coldscope::app
