// What is chosen in the Sharing dock, by mouse, keys, the list of holders, or elsewhere.
#include "app/sharing/sharing_text.h"
#include "app/sharing/sharing_view.h"
#include "app/style/text.h"
#include "app/tables/empty_state.h"

#include <QKeyEvent>
#include <QLabel>
#include <QTableView>
#include <QTreeView>
#include <algorithm>

namespace coldscope::app {

void SharingView::clicked(const QModelIndex& index, double share) {
    const auto line = files_->line_of(index);
    const int image = files_->image_of(index.column());
    if (!line || image < 0)
        return;
    const FileStrip strip = files_->strip(*line, static_cast<std::size_t>(image));
    const sharing::SeenPiece* seen = strip.piece_at(share);
    if (seen == nullptr)
        return choose_nothing();
    choose({static_cast<std::size_t>(image),
            files_->predicted()->files.node(*line, static_cast<std::size_t>(image)),
            {seen->piece.begin, seen->piece.end}},
           true);
}

void SharingView::choose_nothing() {
    chosen_.reset();
    show_holders();
}

void SharingView::choose(const ChosenPiece& piece, bool tell) {
    if (!files_->predicted())
        return;
    chosen_ = piece;
    const Line line = files_->predicted()->files.line_of(piece.image, piece.node);
    const QModelIndex index =
        files_->index_of(line, SharingModel::strips + static_cast<int>(piece.image));
    following_ = true;
    if (index.isValid()) {
        tree_->setCurrentIndex(index);
        tree_->scrollTo(index);
    }
    following_ = false;
    show_holders();
    if (!tell || state_.open_image() != piece.image)
        return;
    // Its place on a device, if it has one there; the file stays chosen.
    Chosen chosen;
    chosen.by = Chosen::By::range;
    chosen.node = piece.node;
    chosen.view = workspace_.selection().current().view;
    for (const erofs::Extent& extent : workspace_.extents_of(piece.node)) {
        const Range part{std::max(extent.offset, piece.range.begin),
                         std::min(extent.offset + extent.length, piece.range.end)};
        if (extent.is_placed() && part.begin < part.end) {
            chosen.range = DeviceRange{extent.device, extent.stored_of(part)};
            break;
        }
    }
    telling_ = true;
    if (chosen.range)
        workspace_.selection().choose(chosen);
    else
        workspace_.choose_node(piece.node);
    telling_ = false;
}

void SharingView::show_holders() {
    show_side();
    holders_->show(state_.predicted(), state_.seen(), chosen_);
    strips_->set_chosen(chosen_);
    tree_->viewport()->update();
    holders_table_->resizeColumnsToContents();
    if (!chosen_) {
        chosen_text_->setText(tr("Choose a range in a strip to see who else has it."));
        no_holders_->say({});
        return;
    }
    const OpenedImage& image = *state_.predicted()->images[chosen_->image];
    QString text =
        tr("%1 of %2 in %3")
            .arg(range_text(chosen_->range),
                 QString::fromStdString(image.index.path(chosen_->node)), image_name(image));
    constexpr int most_lines = 6;
    int lines = 0;
    for (const sharing::SeenPiece& seen :
         pieces_of(*state_.predicted(), state_.seen().get(), chosen_->image, chosen_->node)) {
        const Range part{std::max(seen.piece.begin, chosen_->range.begin),
                         std::min(seen.piece.end, chosen_->range.end)};
        if (part.begin >= part.end)
            continue;
        if (++lines > most_lines) {
            text += u'\n' + tr("and more");
            break;
        }
        text += u'\n';
        if (part != chosen_->range)
            text += range_text(part) + QStringLiteral(": ");
        text += tr("%1 · %2").arg(mark_text(seen.piece.mark, seen.piece.reason),
                                  residency_text(seen.residency));
        if (seen.twice)
            text += tr(" · twice: in the blob's cache, too");
    }
    if (holders_->more())
        text += u'\n' + tr("Only %1 others are listed.").arg(count_text(HoldersModel::most));
    chosen_text_->setText(text);
    no_holders_->say(holders_->rowCount() == 0 ? tr("No other file has this range.") : QString());
}

// The piece before or after the chosen one, of the same line; from one image's strip to the next.
bool SharingView::step(int by) {
    const auto line = files_->line_of(tree_->currentIndex());
    if (!line || !files_->predicted()->files.is_file(*line))
        return false;
    std::vector<ChosenPiece> all;
    for (std::size_t image = 0; image < static_cast<std::size_t>(files_->images()); ++image) {
        const erofs::NodeId node = files_->predicted()->files.node(*line, image);
        for (const sharing::SeenPiece& seen : files_->strip(*line, image).pieces)
            all.push_back({image, node, {seen.piece.begin, seen.piece.end}});
    }
    // A sample may have divided it meanwhile.
    const auto at = std::ranges::find_if(all, [this](const ChosenPiece& one) {
        return chosen_ && one.image == chosen_->image && one.node == chosen_->node &&
               one.range.begin <= chosen_->range.begin && chosen_->range.begin < one.range.end;
    });
    if (at == all.end()) {
        if (by < 0 || all.empty())
            return false;
        choose(all.front(), true);
        return true;
    }
    const std::ptrdiff_t next = at - all.begin() + by;
    if (next < 0)
        return false;
    if (next < std::ssize(all))
        choose(all[static_cast<std::size_t>(next)], true);
    return true;
}

bool SharingView::eventFilter(QObject* object, QEvent* event) {
    if (object == tree_->viewport() && event->type() == QEvent::Resize)
        QMetaObject::invokeMethod(this, &SharingView::fit_columns, Qt::QueuedConnection);
    if (object == tree_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->modifiers() == Qt::NoModifier &&
            (key->key() == Qt::Key_Left || key->key() == Qt::Key_Right))
            return step(key->key() == Qt::Key_Left ? -1 : 1);
    }
    return QWidget::eventFilter(object, event);
}

// The line of a file that was chosen elsewhere.
void SharingView::follow_selection() {
    const auto& node = workspace_.selection().current().node;
    const std::optional<std::size_t> image = state_.open_image();
    if (telling_ || !node || !image || files_->predicted() != state_.predicted() ||
        *node >= files_->predicted()->indices[*image]->size())
        return;
    const QModelIndex index = files_->index_of(files_->predicted()->files.line_of(*image, *node));
    if (!index.isValid() || index == tree_->currentIndex().siblingAtColumn(0))
        return;
    following_ = true;
    tree_->setCurrentIndex(index);
    tree_->scrollTo(index);
    following_ = false;
}

// What the open image lacks is chosen here alone.
void SharingView::tell_selection() {
    const auto line = files_->line_of(tree_->currentIndex());
    const std::optional<std::size_t> image = state_.open_image();
    if (following_ || !line || !image)
        return;
    if (const erofs::NodeId node = files_->predicted()->files.node(*line, *image);
        node != erofs::no_node) {
        telling_ = true;
        workspace_.choose_node(node);
        telling_ = false;
    }
}

} // namespace coldscope::app
