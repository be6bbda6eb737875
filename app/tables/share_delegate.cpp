#include "app/tables/share_delegate.h"

#include "app/style/look.h"

#include <QPainter>

namespace coldscope::app {

void ShareDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const {
    QStyledItemDelegate::paint(painter, option, index);
    const QVariant share = index.data(role_);
    if (!share.isValid())
        return;
    const Theme theme = theme_of(option.palette);
    const QRectF place(option.rect.left() + 4, option.rect.bottom() - 2.0,
                       std::max(0, option.rect.width() - 8), 2);
    painter->save();
    painter->fillRect(place, look(Mark::cold, theme).fill);
    if (const double part = std::min(share.toDouble(), 1.0); part > 0) {
        QRectF local = place;
        local.setWidth(std::max(1.0, place.width() * part));
        painter->fillRect(local, look(Mark::local, theme).fill);
    }
    painter->restore();
}

} // namespace coldscope::app
