#include "app/maps/chunk_map.h"

#include "app/maps/legend.h"
#include "app/style/text.h"
#include "core/erofs/features.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>

namespace coldscope::app {

namespace {

QString layout_text(erofs::Layout layout) {
    switch (layout) {
    case erofs::Layout::flat_plain:
        return ChunkMap::tr("flat");
    case erofs::Layout::flat_inline:
        return ChunkMap::tr("flat, the tail inline");
    case erofs::Layout::chunk_based:
        return ChunkMap::tr("in chunks");
    default:
        return ChunkMap::tr("compressed (%1)").arg(QString::fromLatin1(erofs::name(layout)));
    }
}

} // namespace

ChunkMap::ChunkMap(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), path_(new QLabel), facts_(new QLabel),
      overlay_(new QComboBox), strip_(new ChunkStrip(workspace, this)), legend_(new Legend),
      gate_(this, [this] { follow_selection(); }) {
    setAccessibleName(tr("Chunk map"));
    path_->setTextFormat(Qt::PlainText);
    path_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    path_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    QFont bold = path_->font();
    bold.setBold(true);
    path_->setFont(bold);
    facts_->setTextFormat(Qt::PlainText);
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    facts_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->setSpacing(4);
    auto* top = new QVBoxLayout;
    top->setSpacing(1);
    top->addWidget(path_);
    top->addWidget(facts_);
    overlay_->setAccessibleName(tr("What the colours show"));
    overlay_->addItem(tr("state"));
    overlay_->addItem(tr("sharing"));
    auto* head = new QHBoxLayout;
    head->setContentsMargins(8, 6, 8, 0);
    head->addLayout(top, 1);
    head->addWidget(overlay_, 0, Qt::AlignTop);
    all->addLayout(head);
    all->addWidget(strip_, 1);
    auto* bottom = new QHBoxLayout;
    bottom->setContentsMargins(6, 0, 6, 4);
    bottom->addWidget(legend_);
    all->addLayout(bottom);

    connect(overlay_, &QComboBox::currentIndexChanged, this, [this] {
        strip_->set_sharing(shows_sharing());
        show_legend();
        show_local();
    });
    connect(&workspace_, &Workspace::sharing_changed, &gate_, &FrameGate::ask);
    connect(&workspace_.selection(), &Selection::changed, &gate_, &FrameGate::ask);
    connect(&workspace_, &Workspace::image_changed, this, [this] {
        node_.reset();
        strip_->show_nothing({}); // the old image's extents are gone
        gate_.ask();
    });
    connect(&workspace_.residency(), &Residency::changed, &gate_, &FrameGate::ask);
    follow_selection();
}

void ChunkMap::refresh_now() {
    gate_.flush();
    strip_->refresh_now();
}

void ChunkMap::follow_selection() {
    legend_->setVisible(workspace_.image() != nullptr);
    show_legend();
    const auto node = workspace_.selection().current().node;
    if (!workspace_.image() || !node) {
        node_.reset();
        path_->clear();
        facts_->clear();
        path_->hide();
        facts_->hide();
        overlay_->hide();
        legend_->set_note({});
        const QString sentence =
            workspace_.image()
                ? tr("Choose a file in the tree, or a cell of the blob map, to see where its bytes "
                     "lie.")
                : workspace_.no_image_text(tr(
                      "Open an image, then choose a file in the tree to see where its bytes lie."));
        if (!strip_->empty() || strip_->sentence() != sentence)
            strip_->show_nothing(sentence);
        return;
    }
    if (node != node_) {
        node_ = node;
        show_node(*node);
    }
    show_local();
}

bool ChunkMap::shows_sharing() const {
    return overlay_->currentIndex() == 1;
}

void ChunkMap::show_legend() {
    legend_->show_marks(shows_sharing() ? sharing_marks()
                                        : state_marks(workspace_.residency().fetched_ahead()));
}

void ChunkMap::show_node(erofs::NodeId node) {
    const erofs::Index& index = workspace_.image()->index;
    const erofs::Node& file = index.node(node);
    path_->show();
    overlay_->setVisible(file.is_regular());
    path_->setText(workspace_.path_of(node));
    path_->setToolTip(workspace_.path_of(node));
    facts_->setVisible(file.is_regular());
    if (!file.is_regular()) {
        facts_->clear();
        strip_->show_nothing(
            file.is_directory() ? tr("A directory has no chunks: choose a file in it.")
            : S_ISLNK(file.mode)
                ? tr("A symbolic link has no chunks: choose the file that it names.")
            : file.mode == 0 ? tr("The inode of this file could not be read; the findings say why.")
                             : tr("This is no regular file: it has no bytes."));
        return;
    }
    QStringList facts{exact_size_text(file.size), layout_text(file.layout)};
    std::uint64_t chunk = workspace_.image()->image->superblock().block_size();
    const auto inode = workspace_.image()->image->inode(file.nid);
    if (inode && file.layout == erofs::Layout::chunk_based) {
        chunk = std::uint64_t{1} << inode->chunk_bits;
        facts.push_back(tr("chunks of %1").arg(size_text(chunk)));
    }
    facts_->setText(facts.join(QStringLiteral(" · ")));
    const auto extents = workspace_.extents_of(node);
    if (extents.empty() && file.size != 0) {
        strip_->show_nothing(tr("The map of this file can't be read; the findings say why."));
        return;
    }
    if (workspace_.residency().stored_of(node) == 0 &&
        std::ranges::all_of(extents, [](const erofs::Extent& extent) {
            return extent.kind == erofs::ExtentKind::hole;
        })) {
        strip_->show_nothing(file.size == 0 ? tr("This file is empty: no bytes are stored.")
                                            : tr("This file is one hole of %1: no bytes are "
                                                 "stored, readers get zeros.")
                                                  .arg(size_text(file.size)));
        return;
    }
    strip_->show_file(node, file.size, chunk);
}

void ChunkMap::show_local() {
    if (!node_ || strip_->empty()) {
        legend_->set_note({});
        return;
    }
    if (shows_sharing()) {
        legend_->set_note(workspace_.shared_pieces()
                              ? QString()
                              : tr("nothing to compare with: add an image under Sharing"));
        return;
    }
    const std::uint64_t stored = workspace_.residency().stored_of(*node_);
    legend_->set_note(
        workspace_.residency().known()
            ? tr("%1 of %2 local")
                  .arg(size_text(workspace_.residency().local_of(*node_)), size_text(stored))
            : tr("no run has begun: what is local is not known"));
}

} // namespace coldscope::app
