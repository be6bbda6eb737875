// Draws a file's strip in a cell, to scale, and says which of its pieces is pointed at.
#pragma once

#include "app/sharing/sharing_model.h"
#include "app/tables/cells.h"

#include <optional>

namespace coldscope::app {

// A range of a file of an image.
struct ChosenPiece {
    std::size_t image = 0;
    erofs::NodeId node = 0;
    Range range; // bytes of the file
    bool operator==(const ChosenPiece&) const = default;
};

// A mark with what is known of memory laid over: filled and underlined where it is there, light
// where not, dashed below where unknown.
void draw_shared(QPainter& painter, const QRectF& rect, sharing::Mark mark,
                 sharing::Presence residency, const QPalette& palette);

class StripDelegate final : public RoomyDelegate {
    Q_OBJECT

public:
    StripDelegate(const SharingModel& model, QObject* parent);

    // Drawn around.
    void set_chosen(const std::optional<ChosenPiece>& chosen) { chosen_ = chosen; }
    // Of a cell, logical pixels.
    [[nodiscard]] static QRectF strip_rect(const QRect& cell);

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option,
                                 const QModelIndex& index) const override;
    bool editorEvent(QEvent* event, QAbstractItemModel* model, const QStyleOptionViewItem& option,
                     const QModelIndex& index) override;
    bool helpEvent(QHelpEvent* event, QAbstractItemView* view, const QStyleOptionViewItem& option,
                   const QModelIndex& index) override;

Q_SIGNALS:
    void piece_clicked(const QModelIndex& index, double share); // of the strip, 0..1

private:
    const SharingModel& model_;
    std::optional<ChosenPiece> chosen_;
};

} // namespace coldscope::app
