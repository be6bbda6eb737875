// The files of several images, foldable by directory: for each image a strip of a file's ranges.
// Straight over what was predicted and seen; a line's figures are made when somebody looks at it.
#pragma once

#include "app/sharing/sharing_data.h"
#include "app/sharing/shown_files.h"

#include <QAbstractItemModel>
#include <QIcon>
#include <memory>

namespace coldscope::app {

// What one cell of an image's column shows.
struct FileStrip {
    enum class Kind : unsigned char { missing, other, file, folder };
    Kind kind = Kind::missing;              // other: neither file nor folder
    std::uint64_t size = 0;                 // bytes; of a folder the sum
    std::vector<sharing::SeenPiece> pieces; // of a file
    const Tally::Part* part = nullptr;      // of a folder
    // The piece at this share of the whole, 0..1; null where there is none.
    [[nodiscard]] const sharing::SeenPiece* piece_at(double share) const;
};

class SharingModel final : public QAbstractItemModel {
    Q_OBJECT

public:
    // Behind the name a strip for each image, then these.
    enum Column { name, strips };

    explicit SharingModel(QObject* parent = nullptr);
    ~SharingModel() override;

    // Null: no lines. seen: of the same prediction, or null.
    void show(std::shared_ptr<const Predicted> predicted, std::shared_ptr<const Seen> seen);
    void set_filter(const QString& part, FilesWith with);
    [[nodiscard]] bool picking() const { return stop_ != nullptr; }
    [[nodiscard]] std::uint64_t files_shown() const { return shown_.files; }
    [[nodiscard]] const std::shared_ptr<const Predicted>& predicted() const { return predicted_; }
    [[nodiscard]] const std::shared_ptr<const Seen>& seen() const { return seen_; }

    [[nodiscard]] int images() const;
    [[nodiscard]] int size_column() const { return strips + images(); }
    [[nodiscard]] int lift_column() const { return size_column() + 1; }
    [[nodiscard]] int saves_column() const { return size_column() + 2; }
    // The image whose strip a column shows; -1: none.
    [[nodiscard]] int image_of(int column) const;

    [[nodiscard]] std::optional<Line> line_of(const QModelIndex& index) const;
    // Invalid when it is not shown.
    [[nodiscard]] QModelIndex index_of(Line line, int column = 0) const;
    [[nodiscard]] FileStrip strip(Line line, std::size_t image) const;

    [[nodiscard]] QModelIndex index(int row, int column,
                                    const QModelIndex& parent = {}) const override;
    [[nodiscard]] QModelIndex parent(const QModelIndex& index) const override;
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;
    void sort(int column, Qt::SortOrder order) override;

Q_SIGNALS:
    void picked(); // the lines are those that were asked for last

private:
    void pick();
    void stop();
    void take(ShownFiles shown);
    [[nodiscard]] const Tally& tally() const;
    [[nodiscard]] QString text(Line line, int column) const;
    [[nodiscard]] QString describe(Line line, std::size_t image) const;

    std::shared_ptr<const Predicted> predicted_;
    std::shared_ptr<const Seen> seen_;
    FilesOrder order_;
    ShownFiles shown_;
    std::shared_ptr<std::atomic<bool>> stop_; // of what is being picked; null: nothing is
    QIcon folder_;
    QIcon file_;
    QIcon other_;
};

} // namespace coldscope::app
