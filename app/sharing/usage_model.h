// The page cache that the first and each next image takes, with sharing and without.
#pragma once

#include "app/sharing/sharing_data.h"

#include <QAbstractTableModel>
#include <QStringList>

namespace coldscope::app {

class UsageModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { image, off, by_fingerprint, by_blob, observed, files };
    static constexpr int columns = files + 1;

    explicit UsageModel(QObject* parent = nullptr);

    // seen: with what was observed, which otherwise is unknown.
    void show(const QStringList& images, const std::vector<sharing::Usage>& usage, bool seen);
    [[nodiscard]] const QStringList& images() const { return images_; }
    [[nodiscard]] const std::vector<sharing::Usage>& usage() const { return usage_; }
    [[nodiscard]] bool seen() const { return seen_; }
    [[nodiscard]] QString csv() const;

    // A line for each image, and one for all of them.
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    [[nodiscard]] QString text(const sharing::Usage& one, int column) const;

    QStringList images_;
    std::vector<sharing::Usage> usage_;
    bool seen_ = false;
};

} // namespace coldscope::app
