// A share as a figure over a thin bar, in the colours of maps: how much of it is local.
#pragma once

#include <QStyledItemDelegate>

namespace coldscope::app {

class ShareDelegate final : public QStyledItemDelegate {
    Q_OBJECT

public:
    // share_role: of the model, 0..1; without a figure only the text is drawn.
    explicit ShareDelegate(int share_role, QObject* parent = nullptr)
        : QStyledItemDelegate(parent), role_(share_role) {}

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;

private:
    int role_;
};

} // namespace coldscope::app
