// The image's tree, straight over its index: nothing is copied, an index's internal id is the node.
// The root itself is no line. While the rest of an image is read, its root's entries are there;
// they keep their lines when the rest is. What is local is told at most ten times a second, for the
// folders that somebody looked into.
#pragma once

#include "app/run/workspace.h"

#include <QAbstractItemModel>
#include <QCache>
#include <QIcon>
#include <QTimer>
#include <memory>
#include <optional>
#include <unordered_map>

namespace coldscope::app {

class TreeModel final : public QAbstractItemModel {
    Q_OBJECT

public:
    enum Column { name, local, size, layout, devices };
    static constexpr int columns = devices + 1;
    static constexpr int node_role = Qt::UserRole;      // erofs::NodeId
    static constexpr int share_role = Qt::UserRole + 1; // of column local: 0..1; none: no figure

    explicit TreeModel(Workspace& workspace, QObject* parent = nullptr);

    [[nodiscard]] const std::shared_ptr<OpenedImage>& image() const { return image_; }
    [[nodiscard]] std::optional<erofs::NodeId> node_of(const QModelIndex& index) const;
    // Invalid for the root and for what is no node.
    [[nodiscard]] QModelIndex index_of(erofs::NodeId node, int column = 0) const;

    [[nodiscard]] QModelIndex index(int row, int column,
                                    const QModelIndex& parent = {}) const override;
    [[nodiscard]] QModelIndex parent(const QModelIndex& index) const override;
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] bool hasChildren(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    void image_changed();
    void restart();
    [[nodiscard]] bool is_rest(const OpenedImage& image) const;
    void tell_local();
    [[nodiscard]] QString text(erofs::NodeId node, int column) const;
    [[nodiscard]] QString local_text(erofs::NodeId node) const;
    [[nodiscard]] QString devices_text(erofs::NodeId node) const;
    [[nodiscard]] QString tool_tip(erofs::NodeId node) const;
    [[nodiscard]] const QIcon& icon_of(erofs::NodeId node) const;

    Workspace& workspace_;
    std::shared_ptr<OpenedImage> image_;
    bool reading_; // the root alone is there: a folder may have something in it
    // Folders that were looked into, with the bytes that were local when last told.
    mutable std::unordered_map<erofs::NodeId, std::uint64_t> looked_into_;
    mutable QCache<erofs::NodeId, QString> devices_;
    QIcon folder_;
    QIcon file_;
    QIcon link_;
    QIcon other_;
    QTimer telling_;
};

} // namespace coldscope::app
