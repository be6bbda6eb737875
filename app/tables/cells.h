// Cells with room on both sides, so that a figure on the right of one column does not run into the
// words on the left of the next; heads and lines alike.
#pragma once

#include <QHeaderView>
#include <QStyledItemDelegate>

class QTableView;

namespace coldscope::app {

inline constexpr int typing_ms = 150;   // a pause in typing, after which a table is filtered
inline constexpr int counting_ms = 100; // at least between two counts of what waits

class RoomyDelegate : public QStyledItemDelegate {
    Q_OBJECT

public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option,
                                 const QModelIndex& index) const override;
};

class RoomyHeader final : public QHeaderView {
    Q_OBJECT

public:
    explicit RoomyHeader(QWidget* parent = nullptr);

protected:
    void paintSection(QPainter* painter, const QRect& rect, int section) const override;
    void initStyleOptionForIndex(QStyleOptionHeader* option, int section) const override;
    [[nodiscard]] QSize sectionSizeFromContents(int section) const override;

private:
    mutable bool without_text_ = false;
};

// The looks that all tables share: lines of one height, no grid, whole lines are selected. Before
// its model is set.
void set_up_table(QTableView* table);

} // namespace coldscope::app
