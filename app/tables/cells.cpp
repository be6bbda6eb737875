#include "app/tables/cells.h"

#include <QApplication>
#include <QPainter>
#include <QTableView>
#include <algorithm>

namespace coldscope::app {

namespace {
constexpr int room = 5; // logical pixels on each side
constexpr int least_height = 22;
} // namespace

void RoomyDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const {
    const QStyle* style = option.widget != nullptr ? option.widget->style() : QApplication::style();
    if ((option.state & QStyle::State_Selected) != 0)
        style->drawPrimitive(QStyle::PE_PanelItemViewItem, &option, painter, option.widget);
    QStyleOptionViewItem inner = option;
    inner.rect.adjust(room, 0, -room, 0);
    inner.state &= ~QStyle::State_HasFocus; // lines are chosen, not cells
    QStyledItemDelegate::paint(painter, inner, index);
}

QSize RoomyDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    return QStyledItemDelegate::sizeHint(option, index) + QSize(2 * room, 0);
}

RoomyHeader::RoomyHeader(QWidget* parent) : QHeaderView(Qt::Horizontal, parent) {
    setSectionsClickable(true);
    setHighlightSections(false);
    setStretchLastSection(true);
}

void RoomyHeader::initStyleOptionForIndex(QStyleOptionHeader* option, int section) const {
    QHeaderView::initStyleOptionForIndex(option, section);
    if (without_text_)
        option->text.clear();
}

void RoomyHeader::paintSection(QPainter* painter, const QRect& rect, int section) const {
    without_text_ = true;
    painter->save();
    QHeaderView::paintSection(painter, rect, section);
    painter->restore();
    without_text_ = false;
    QStyleOptionHeaderV2 option;
    initStyleOption(&option);
    option.rect = rect;
    initStyleOptionForIndex(&option, section);
    const bool sorted = option.sortIndicator != QStyleOptionHeader::None;
    const int arrow = sorted ? style()->pixelMetric(QStyle::PM_HeaderMarkSize, &option, this) : 0;
    option.rect = rect.adjusted(room + 2, 0, -room - 2 - arrow, 0);
    option.text =
        painter->fontMetrics().elidedText(option.text, Qt::ElideRight, option.rect.width());
    option.icon = {};
    style()->drawControl(QStyle::CE_HeaderLabel, &option, painter, this);
}

QSize RoomyHeader::sectionSizeFromContents(int section) const {
    return QHeaderView::sectionSizeFromContents(section) + QSize(2 * room, 0);
}

void set_up_table(QTableView* table) {
    table->setHorizontalHeader(new RoomyHeader(table));
    table->setItemDelegate(new RoomyDelegate(table));
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->setSelectionMode(QAbstractItemView::ExtendedSelection);
    table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    table->setShowGrid(false);
    table->setAlternatingRowColors(true);
    table->setWordWrap(false);
    table->setTextElideMode(Qt::ElideMiddle);
    table->setTabKeyNavigation(false);
    table->verticalHeader()->hide();
    table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table->verticalHeader()->setDefaultSectionSize(
        std::max(table->fontMetrics().height() + 6, least_height));
}

} // namespace coldscope::app
