#include "app/sharing/sharing_model.h"

#include "app/run/work_pool.h"
#include "app/sharing/sharing_text.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QFutureWatcher>
#include <QtConcurrentRun>
#include <algorithm>

namespace coldscope::app {

using erofs::no_node;
using erofs::NodeId;

const sharing::SeenPiece* FileStrip::piece_at(double share) const {
    if (kind != Kind::file || size == 0)
        return nullptr;
    const auto offset =
        static_cast<std::uint64_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(size - 1));
    const auto at = std::ranges::upper_bound(
        pieces, offset, {}, [](const sharing::SeenPiece& seen) { return seen.piece.end; });
    return at == pieces.end() || at->piece.begin > offset ? nullptr : &*at;
}

SharingModel::SharingModel(QObject* parent)
    : QAbstractItemModel(parent), folder_(icon("folder")), file_(icon("text-x-generic")),
      other_(icon("other-file")) {}

SharingModel::~SharingModel() {
    stop();
}

void SharingModel::stop() {
    if (stop_)
        *stop_ = true;
    stop_.reset();
}

const Tally& SharingModel::tally() const {
    return seen_ ? seen_->tally : predicted_->tally;
}

void SharingModel::show(std::shared_ptr<const Predicted> predicted,
                        std::shared_ptr<const Seen> seen) {
    const bool same_files = predicted && predicted_ && predicted->images == predicted_->images;
    stop();
    if (!same_files)
        beginResetModel();
    predicted_ = std::move(predicted);
    seen_ = std::move(seen);
    if (predicted_)
        pick(); // before the views are told, who ask whether more is to come
    if (!same_files) {
        shown_ = {};
        endResetModel();
    } else if (rowCount() > 0) {
        // Views paint what they show anew; nobody keeps what is below.
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
    }
}

void SharingModel::set_filter(const QString& part, FilesWith with) {
    FilesOrder order = order_;
    order.part = part.toStdString();
    order.with = with;
    if (order == order_)
        return;
    order_ = std::move(order);
    pick();
}

void SharingModel::sort(int column, Qt::SortOrder order) {
    FilesOrder wanted = order_;
    wanted.key = column == size_column()                               ? FilesKey::size
                 : column == saves_column() || column == lift_column() ? FilesKey::saved
                                                                       : FilesKey::name;
    wanted.descending = order == Qt::DescendingOrder;
    if (wanted == order_)
        return;
    order_ = std::move(wanted);
    pick();
}

void SharingModel::pick() {
    stop();
    if (!predicted_)
        return;
    stop_ = std::make_shared<std::atomic<bool>>(false);
    auto* watcher = new QFutureWatcher<std::shared_ptr<ShownFiles>>(this);
    connect(watcher, &QFutureWatcherBase::finished, this, [this, watcher, stop = stop_] {
        watcher->deleteLater();
        if (stop != stop_)
            return;
        stop_.reset();
        take(std::move(*watcher->result()));
    });
    watcher->setFuture(QtConcurrent::run(
        &work_pool(), [predicted = predicted_, seen = seen_, order = order_, stop = stop_] {
            return std::make_shared<ShownFiles>(
                app::pick(predicted->files, seen ? seen->tally : predicted->tally, order, *stop));
        }));
}

// What views keep of lines (the current one, open folders) goes with them.
void SharingModel::take(ShownFiles shown) {
    Q_EMIT layoutAboutToBeChanged();
    const QModelIndexList before = persistentIndexList();
    shown_ = std::move(shown);
    QModelIndexList after;
    for (const QModelIndex& index : before)
        after.push_back(index_of(static_cast<Line>(index.internalId()), index.column()));
    changePersistentIndexList(before, after);
    Q_EMIT layoutChanged();
    Q_EMIT picked();
}

int SharingModel::images() const {
    return predicted_ ? static_cast<int>(predicted_->images.size()) : 0;
}

int SharingModel::image_of(int column) const {
    return column >= strips && column < size_column() ? column - strips : -1;
}

std::optional<Line> SharingModel::line_of(const QModelIndex& index) const {
    if (!predicted_ || !index.isValid() || index.model() != this)
        return {};
    return static_cast<Line>(index.internalId());
}

QModelIndex SharingModel::index_of(Line line, int column) const {
    if (line == FileUnion::root || line >= shown_.row_of.size() ||
        shown_.row_of[line] == ShownFiles::no_row)
        return {};
    return createIndex(static_cast<int>(shown_.row_of[line]), column, quintptr{line});
}

QModelIndex SharingModel::index(int row, int column, const QModelIndex& parent) const {
    const Line folder = line_of(parent).value_or(FileUnion::root);
    if (row < 0 || column < 0 || column >= columnCount() || parent.column() > 0 ||
        folder >= shown_.in_folder.size() ||
        static_cast<std::uint32_t>(row) >= shown_.in_folder[folder].count)
        return {};
    const Line line = shown_.lines[shown_.in_folder[folder].first + static_cast<Line>(row)];
    return createIndex(row, column, quintptr{line});
}

QModelIndex SharingModel::parent(const QModelIndex& index) const {
    const auto line = line_of(index);
    return line ? index_of(predicted_->files.parent(*line)) : QModelIndex();
}

int SharingModel::rowCount(const QModelIndex& parent) const {
    if (parent.column() > 0)
        return 0;
    const Line folder = line_of(parent).value_or(FileUnion::root);
    return folder < shown_.in_folder.size() ? static_cast<int>(shown_.in_folder[folder].count) : 0;
}

int SharingModel::columnCount(const QModelIndex&) const {
    return saves_column() + 1;
}

FileStrip SharingModel::strip(Line line, std::size_t image) const {
    FileStrip strip;
    const NodeId node = predicted_->files.node(line, image);
    if (node == no_node)
        return strip;
    const erofs::Node& file = predicted_->images[image]->index.node(node);
    strip.kind = FileStrip::Kind::other;
    if (file.is_directory()) {
        strip.kind = FileStrip::Kind::folder;
        strip.part = tally().folder(line, image);
        strip.size = strip.part != nullptr ? strip.part->bytes() : 0;
    } else if (file.is_regular()) {
        strip.kind = FileStrip::Kind::file;
        strip.size = file.size;
        strip.pieces = pieces_of(*predicted_, seen_.get(), image, node);
    }
    return strip;
}

QString SharingModel::text(Line line, int column) const {
    if (column == name) {
        const std::string_view text = predicted_->files.name(line);
        return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
    }
    if (column == size_column())
        return predicted_->files.is_folder(line) || predicted_->files.is_file(line)
                   ? size_text(tally().size(line))
                   : QString();
    if (column == lift_column())
        return lift_text(tally().lift(line), predicted_->files.file_size(line));
    if (column == saves_column() && tally().lifted(line) != 0)
        return size_text(tally().lifted(line));
    return {};
}

// A strip in words: how much of it has which mark.
QString SharingModel::describe(Line line, std::size_t image) const {
    const FileStrip strip = this->strip(line, image);
    Tally::Part part;
    switch (strip.kind) {
    case FileStrip::Kind::missing:
        return tr("not in this image");
    case FileStrip::Kind::other:
        return tr("no regular file");
    case FileStrip::Kind::folder:
        if (strip.part != nullptr)
            part = *strip.part;
        break;
    case FileStrip::Kind::file:
        for (const sharing::SeenPiece& seen : strip.pieces)
            part.by_mark[static_cast<std::size_t>(seen.piece.mark)] +=
                seen.piece.end - seen.piece.begin;
        break;
    }
    QStringList parts;
    for (std::size_t mark = 0; mark < sharing::mark_count; ++mark) {
        if (part.by_mark[mark] != 0)
            parts << QStringLiteral("%1 %2").arg(
                size_text(part.by_mark[mark]),
                app::name(mark_of(static_cast<sharing::Mark>(mark))));
    }
    return parts.isEmpty() ? tr("empty") : parts.join(QStringLiteral(", "));
}

QVariant SharingModel::data(const QModelIndex& index, int role) const {
    const auto line = line_of(index);
    if (!line || !checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const int image = image_of(index.column());
    switch (role) {
    case Qt::DisplayRole:
        return image >= 0 ? QVariant() : text(*line, index.column());
    case Qt::AccessibleTextRole:
        return image >= 0 ? describe(*line, static_cast<std::size_t>(image))
                          : text(*line, index.column());
    case Qt::DecorationRole:
        if (index.column() == name)
            return predicted_->files.is_folder(*line) ? folder_
                   : predicted_->files.is_file(*line) ? file_
                                                      : other_;
        return {};
    case Qt::ToolTipRole:
        if (index.column() == lift_column())
            return lift_hint(tally().lift(*line));
        return index.column() == name ? QString::fromStdString(predicted_->files.path(*line))
                                      : text(*line, index.column());
    case Qt::TextAlignmentRole:
        return headerData(index.column(), Qt::Horizontal, role);
    default:
        return {};
    }
}

QVariant SharingModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount())
        return {};
    const int image = image_of(section);
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section == size_column() || section == saves_column()
                                     ? Qt::AlignRight
                                     : Qt::AlignLeft) |
                                Qt::AlignVCenter);
    if (role == Qt::ToolTipRole) {
        if (image >= 0)
            return QString::fromStdString(
                predicted_->images[static_cast<std::size_t>(image)]->path);
        if (section == lift_column())
            return tr("The smallest change that would let all of the file's blocked pages be "
                      "shared");
        if (section == saves_column())
            return tr("Memory that it would save, in whole pages");
    }
    if (role != Qt::DisplayRole)
        return {};
    if (section == name)
        return tr("File");
    if (image >= 0)
        return image_name(*predicted_->images[static_cast<std::size_t>(image)]);
    return section == size_column()   ? tr("Size")
           : section == lift_column() ? tr("To share it")
                                      : tr("Saves");
}

} // namespace coldscope::app
