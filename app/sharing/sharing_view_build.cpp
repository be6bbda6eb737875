// The parts of the Sharing dock, put together.
#include "app/maps/legend.h"
#include "app/sharing/images_model.h"
#include "app/sharing/sample_bar.h"
#include "app/sharing/sharing_text.h"
#include "app/sharing/sharing_view.h"
#include "app/sharing/usage_chart.h"
#include "app/style/faint.h"
#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/tables/cells.h"
#include "app/tables/empty_state.h"
#include "app/tables/image_facts.h"

#include <QAction>
#include <QButtonGroup>
#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>

namespace coldscope::app {

namespace {

QToolButton* button(QWidget* parent, const char* picture, const QString& text,
                    const QString& what) {
    auto* button = new QToolButton(parent);
    if (picture != nullptr) {
        button->setIcon(icon(picture));
        button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    }
    button->setText(text);
    button->setToolTip(what);
    button->setAutoRaise(true);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

} // namespace

void SharingView::build_head() {
    auto* group = new QButtonGroup(this);
    const std::array texts{std::pair(tr("Fi&les"), tr("Files and their pages")),
                           std::pair(tr("&Images"), tr("Which images, how they are mounted, and "
                                                       "their bytes by mark")),
                           std::pair(tr("&Memory use"), tr("The page cache that each image adds"))};
    auto* line = new QHBoxLayout(head_);
    line->setContentsMargins(6, 2, 6, 0);
    line->setSpacing(4);
    for (std::size_t page = 0; page < pages; ++page) {
        page_buttons_[page] = button(head_, nullptr, texts[page].first, texts[page].second);
        page_buttons_[page]->setCheckable(true);
        group->addButton(page_buttons_[page], static_cast<int>(page));
        line->addWidget(page_buttons_[page]);
    }
    page_buttons_[files_page]->setChecked(true);
    connect(group, &QButtonGroup::idClicked, this, &SharingView::show_page);

    part_->setPlaceholderText(tr("Filter: a part of a path"));
    part_->setAccessibleName(tr("Filter of paths"));
    part_->setClearButtonEnabled(true);
    part_->addAction(icon("edit-find"), QLineEdit::LeadingPosition);
    part_->setMinimumWidth(fontMetrics().averageCharWidth() * 14);
    with_->setAccessibleName(tr("Which files"));
    with_->addItem(tr("all files"), static_cast<int>(FilesWith::any));
    with_->addItem(tr("only blocked"), static_cast<int>(FilesWith::blocked));
    with_->addItem(tr("only shared"), static_cast<int>(FilesWith::shared));
    progress_->setAccessibleName(tr("Progress"));
    auto* cancel = new QPushButton(tr("Cancel"), running_);
    cancel->setAutoDefault(false);
    connect(cancel, &QPushButton::clicked, &state_.set(), &SharingSet::cancel);
    auto* running = new QHBoxLayout(running_);
    running->setContentsMargins({});
    running->addWidget(progress_, 1);
    running->addWidget(cancel);
    add_ = button(head_, "list-add", tr("&Add image…"),
                  tr("Another image, to see what it can share with the open one"));
    connect(add_, &QToolButton::clicked, this, &SharingView::image_wanted);
    line->addSpacing(8);
    line->addWidget(part_, 1);
    line->addWidget(with_);
    line->addWidget(running_, 1);
    line->addStretch(0);
    line->addWidget(add_);
    typing_.setSingleShot(true);
    typing_.setInterval(typing_ms);
    connect(part_, &QLineEdit::textChanged, this, [this] { typing_.start(); });
    connect(part_, &QLineEdit::returnPressed, this, &SharingView::apply_filter);
    connect(&typing_, &QTimer::timeout, this, &SharingView::apply_filter);
    connect(with_, &QComboBox::currentIndexChanged, this, &SharingView::apply_filter);
}

void SharingView::build_files() {
    auto* header = new RoomyHeader(tree_);
    tree_->setHeader(header);
    tree_->setModel(files_);
    tree_->setItemDelegate(strips_);
    tree_->setUniformRowHeights(true);
    tree_->setIndentation(14);
    tree_->setAlternatingRowColors(true);
    tree_->setTextElideMode(Qt::ElideMiddle);
    tree_->setSortingEnabled(true);
    tree_->setAccessibleName(tr("Files of the images and their pages"));
    tree_->setContextMenuPolicy(Qt::ActionsContextMenu);
    tree_->installEventFilter(this);
    tree_->viewport()->installEventFilter(this);
    header->setStretchLastSection(false);
    header->setSortIndicator(SharingModel::name, Qt::AscendingOrder);
    auto* copy = new QAction(icon("edit-copy"), tr("Copy path"), tree_);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    connect(copy, &QAction::triggered, this, &SharingView::copy_path);
    tree_->addAction(copy);
    connect(strips_, &StripDelegate::piece_clicked, this, &SharingView::clicked);
    connect(tree_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &SharingView::tell_selection);
    connect(files_, &QAbstractItemModel::modelReset, this, [this] { fitted_ = sized_ = false; });
    connect(header, &QHeaderView::sectionResized, this, [this] {
        sized_ = sized_ || (!fitting_ && (QGuiApplication::mouseButtons() & Qt::LeftButton) != 0);
    });
    connect(files_, &SharingModel::picked, this, &SharingView::show_files);

    set_up_table(holders_table_);
    holders_table_->setModel(holders_);
    holders_table_->setSelectionMode(QAbstractItemView::SingleSelection);
    holders_table_->setAccessibleName(tr("Who has the chosen range"));
    connect(holders_table_, &QTableView::clicked, this, [this](const QModelIndex& index) {
        if (const auto piece = holders_->piece_at(index.row()))
            choose(*piece, true);
    });
    connect(holders_table_, &QTableView::activated, this, [this](const QModelIndex& index) {
        if (const auto piece = holders_->piece_at(index.row()))
            choose(*piece, true);
    });
    chosen_text_->setTextFormat(Qt::PlainText);
    chosen_text_->setWordWrap(true);
    chosen_text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    chosen_text_->setContentsMargins(6, 2, 6, 2);
    auto* side = new QWidget;
    auto* lines = new QVBoxLayout(side);
    lines->setContentsMargins({});
    lines->setSpacing(0);
    lines->addWidget(chosen_text_);
    lines->addWidget(holders_table_, 1);
    side->setMinimumWidth(fontMetrics().averageCharWidth() * 34);
    files_side_->addWidget(tree_);
    files_side_->addWidget(side);
    files_side_->setChildrenCollapsible(true);
    files_side_->setStretchFactor(0, 3);
    files_side_->setStretchFactor(1, 1);
    stack_->addWidget(files_side_);
}

void SharingView::build_images() {
    auto* page = new QWidget;
    set_up_table(images_table_);
    images_table_->setModel(images_);
    images_table_->setSelectionMode(QAbstractItemView::SingleSelection);
    images_table_->setAccessibleName(tr("Images"));
    images_table_->setEditTriggers(QAbstractItemView::AllEditTriggers);
    images_table_->horizontalHeader()->setStretchLastSection(false);
    remove_ = button(page, "list-remove", tr("Remo&ve"), tr("Look at this image no more"));
    scan_ = button(page, "compare", tr("Compare &bytes"),
                   tr("Read all bytes, to find what is the same at different places"));
    mounted_ =
        button(page, "folder", tr("M&ounted at…"), tr("Say where the chosen image is mounted now"));
    const auto row = [this] { return images_table_->currentIndex().row(); };
    connect(remove_, &QToolButton::clicked, this, [this, row] {
        if (row() > 0)
            state_.set().remove(static_cast<std::size_t>(row()));
    });
    connect(mounted_, &QToolButton::clicked, this, [this, row] {
        const auto& entries = state_.set().entries();
        if (row() >= 0 && static_cast<std::size_t>(row()) < entries.size())
            Q_EMIT folder_wanted(entries[static_cast<std::size_t>(row())].path);
    });
    connect(images_, &QAbstractItemModel::dataChanged, images_table_,
            &QTableView::resizeColumnsToContents);
    connect(images_, &QAbstractItemModel::modelReset, images_table_,
            &QTableView::resizeColumnsToContents);
    connect(scan_, &QToolButton::clicked, &state_.set(), &SharingSet::scan);
    connect(images_table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &SharingView::follow_image);
    connect(images_, &QAbstractItemModel::modelReset, this, &SharingView::follow_image);
    follow_image();
    auto* acts = new QHBoxLayout;
    acts->setContentsMargins(6, 2, 6, 2);
    acts->setSpacing(4);
    acts->addWidget(mounted_);
    acts->addWidget(remove_);
    acts->addWidget(scan_);
    acts->addStretch(1);
    auto* lines = new QVBoxLayout(page);
    lines->setContentsMargins({});
    lines->setSpacing(0);
    lines->addWidget(images_table_, 1);
    lines->addLayout(acts);
    stack_->addWidget(page);
}

void SharingView::follow_image() {
    const QModelIndex now = images_table_->currentIndex();
    mounted_->setEnabled(now.isValid());
    remove_->setEnabled(now.isValid() && now.row() > 0);
}

void SharingView::build_usage() {
    auto* side = new QWidget;
    set_up_table(usage_table_);
    usage_table_->setModel(usage_);
    usage_table_->setSelectionMode(QAbstractItemView::NoSelection);
    usage_table_->setAccessibleName(tr("Page cache of the images"));
    usage_of_->setAccessibleName(tr("Of which pages"));
    usage_of_->addItem(tr("if all files are read"));
    usage_of_->addItem(tr("what is in memory"));
    usage_of_->addItem(tr("what the run asked for"));
    connect(usage_of_, &QComboBox::currentIndexChanged, this, &SharingView::show_usage);
    auto* copy = button(side, "edit-copy", tr("&Copy CSV"), tr("Copy the table as CSV"));
    auto* save = button(side, "document-save", tr("&Save CSV…"), tr("Save the table as CSV"));
    connect(copy, &QToolButton::clicked, this,
            [this] { QGuiApplication::clipboard()->setText(usage_->csv()); });
    connect(save, &QToolButton::clicked, this, &SharingView::save_csv);
    usage_note_->setTextFormat(Qt::PlainText);
    usage_note_->setContentsMargins(6, 0, 6, 2);
    make_faint(usage_note_);
    auto* acts = new QHBoxLayout;
    acts->setContentsMargins(6, 2, 6, 2);
    acts->setSpacing(4);
    acts->addWidget(usage_of_);
    acts->addStretch(1);
    acts->addWidget(copy);
    acts->addWidget(save);
    auto* lines = new QVBoxLayout(side);
    lines->setContentsMargins({});
    lines->setSpacing(0);
    lines->addLayout(acts);
    lines->addWidget(usage_table_, 1);
    lines->addWidget(usage_note_);
    auto* page = new QSplitter(Qt::Horizontal);
    chart_ = new UsageChart(*usage_, page);
    page->addWidget(side);
    page->addWidget(chart_);
    page->setStretchFactor(0, 3);
    page->setStretchFactor(1, 2);
    stack_->addWidget(page);
}

// Names and figures to what is in them; strips take what is left.
void SharingView::fit_columns() {
    if (files_->images() == 0 || tree_->width() < 50 || sized_)
        return;
    fitting_ = true;
    const int letter = tree_->fontMetrics().averageCharWidth();
    const auto set = [this](int column, int width) {
        tree_->header()->resizeSection(column, width);
        return width;
    };
    int left = tree_->viewport()->width();
    left -= set(SharingModel::name, std::clamp(left / 4, letter * 14, letter * 36));
    const int figure = tree_->fontMetrics().horizontalAdvance(size_text(1023 << 10)) + 3 * letter;
    left -= set(files_->size_column(), figure);
    left -= set(files_->saves_column(), figure);
    const int strip_least = letter * 14;
    const int lift = std::clamp(left / 3, letter * 13, letter * 24);
    left -= set(files_->lift_column(), lift);
    for (int image = 0; image < files_->images(); ++image)
        set(SharingModel::strips + image, std::max(strip_least, left / files_->images()));
    fitting_ = false;
}

} // namespace coldscope::app
