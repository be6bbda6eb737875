#include "app/tables/image_tree_view.h"

#include "app/steer/steering.h"
#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/tables/cells.h"
#include "app/tables/empty_state.h"
#include "app/tables/file_search.h"
#include "app/tables/image_facts.h"
#include "app/tables/share_delegate.h"

#include <QAction>
#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QTreeView>
#include <QVBoxLayout>
#include <algorithm>

namespace coldscope::app {

namespace {
constexpr int first_name_width = 30; // characters
} // namespace

ImageTreeView::ImageTreeView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), model_(new TreeModel(workspace, this)),
      search_(new QLineEdit(this)), found_(new QLabel(this)), tree_(new QTreeView(this)),
      empty_(new EmptyState(tree_)) {
    search_->setPlaceholderText(tr("Find file"));
    search_->setAccessibleName(tr("Find file"));
    search_->setAccessibleDescription(
        tr("A part of a path. Enter goes to the next match, Shift+Enter to the one before."));
    search_->setToolTip(search_->accessibleDescription());
    search_->setClearButtonEnabled(true);
    search_->addAction(icon("edit-find"), QLineEdit::LeadingPosition);
    search_->installEventFilter(this);
    found_->hide();
    build_tree();

    auto* find = new QHBoxLayout;
    find->setContentsMargins(6, 2, 6, 4);
    find->addWidget(search_);
    find->addWidget(found_);
    auto* lines = new QVBoxLayout(this);
    lines->setContentsMargins({});
    lines->setSpacing(0);
    lines->addWidget(new ImageFacts(workspace, this));
    lines->addLayout(find);
    lines->addWidget(tree_, 1);
    setFocusProxy(tree_);

    typing_.setSingleShot(true);
    typing_.setInterval(typing_ms);
    connect(&typing_, &QTimer::timeout, this, [this] { search(false, true); });
    connect(search_, &QLineEdit::textEdited, this, [this] { typing_.start(); });
    connect(model_, &QAbstractItemModel::modelReset, this, [this] {
        wanted_ = false;
        found_->hide();
        search_->clear();
    });
    connect(&workspace_, &Workspace::image_changed, this, &ImageTreeView::show_image);
    connect(&workspace_.selection(), &Selection::changed, this, [this] {
        if (isVisible())
            show_chosen();
    });
    show_image();
}

void ImageTreeView::build_tree() {
    tree_->setModel(model_);
    tree_->setUniformRowHeights(true);
    tree_->setIndentation(14);
    tree_->setAlternatingRowColors(true);
    tree_->setContextMenuPolicy(Qt::CustomContextMenu);
    tree_->setTextElideMode(Qt::ElideMiddle);
    tree_->setAccessibleName(tr("Files of the image"));
    tree_->setItemDelegateForColumn(TreeModel::local,
                                    new ShareDelegate(TreeModel::share_role, tree_));
    tree_->installEventFilter(this);
    tree_->viewport()->installEventFilter(this);
    QHeaderView* header = tree_->header();
    header->setStretchLastSection(false);
    header->setContextMenuPolicy(Qt::CustomContextMenu);
    const QFontMetrics metrics(tree_->font());
    const auto width = [&](const QString& text) { return metrics.horizontalAdvance(text) + 16; };
    tree_->setColumnWidth(TreeModel::name, metrics.averageCharWidth() * first_name_width);
    tree_->setColumnWidth(TreeModel::size, width(size_text(1023 << 10)));
    tree_->setColumnWidth(TreeModel::local, width(tr("no data")));
    tree_->setColumnWidth(TreeModel::layout, width(QStringLiteral("chunk-based0")));
    tree_->setColumnWidth(TreeModel::devices, width(QStringLiteral("bootstrap, blob 1")));

    connect(tree_->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &ImageTreeView::choose);
    connect(tree_, &QTreeView::expanded, this, &ImageTreeView::make_room, Qt::QueuedConnection);
    connect(tree_, &QTreeView::activated, this, &ImageTreeView::activate);
    connect(tree_, &QTreeView::customContextMenuRequested, this, &ImageTreeView::open_menu);
    connect(header, &QHeaderView::customContextMenuRequested, this,
            &ImageTreeView::open_header_menu);
    auto* copy = new QAction(icon("edit-copy"), tr("Copy path"), tree_);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    connect(copy, &QAction::triggered, this, &ImageTreeView::copy_path);
    tree_->addAction(copy);
}

void ImageTreeView::show_image() {
    const bool any = workspace_.shown() != nullptr;
    search_->setVisible(any);
    tree_->header()->setVisible(any);
    tree_->setHorizontalScrollBarPolicy(any ? Qt::ScrollBarAsNeeded : Qt::ScrollBarAlwaysOff);
    empty_->say(any ? QString()
                    : workspace_.no_image_text(tr("Open an image to see its files here.")));
    if (wanted_ && workspace_.image())
        search(false, true);
}

void ImageTreeView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    show_chosen();
}

void ImageTreeView::show_chosen() {
    const auto& node = workspace_.selection().current().node;
    const QModelIndex index = node ? model_->index_of(*node) : QModelIndex();
    const QModelIndex current = tree_->currentIndex();
    if (index == current.siblingAtColumn(0))
        return;
    following_ = true;
    if (index.isValid()) {
        tree_->setCurrentIndex(index);
        tree_->scrollTo(index);
        make_room();
    } else {
        tree_->selectionModel()->clear();
    }
    following_ = false;
}

void ImageTreeView::choose(const QModelIndex& index) {
    if (following_)
        return;
    if (const auto node = model_->node_of(index))
        workspace_.choose_node(*node);
}

void ImageTreeView::find_file() {
    search_->setFocus(Qt::ShortcutFocusReason);
    search_->selectAll();
}

void ImageTreeView::search(bool backwards, bool from_too) {
    typing_.stop();
    const std::string part = search_->text().toStdString();
    wanted_ = workspace_.reading() != nullptr && !part.empty();
    if (wanted_) {
        found_->setText(tr("still reading…"));
        found_->show();
        return;
    }
    if (!model_->image() || part.empty()) {
        found_->hide();
        return;
    }
    const auto from = model_->node_of(tree_->currentIndex()).value_or(erofs::root_node);
    const auto node = app::find_file(model_->image()->index, from, part, backwards, from_too);
    found_->setText(tr("no such file"));
    found_->setVisible(!node);
    if (!node)
        return;
    const QModelIndex index = model_->index_of(*node);
    tree_->setCurrentIndex(index);
    tree_->scrollTo(index, QAbstractItemView::PositionAtCenter);
    make_room();
}

// Deep names need a wider column, but what is local stays in sight beside them. It never gets
// narrower by itself.
void ImageTreeView::make_room() {
    const int room = tree_->viewport()->width() - tree_->columnWidth(TreeModel::local);
    const int wanted =
        std::min(static_cast<QAbstractItemView*>(tree_)->sizeHintForColumn(TreeModel::name), room);
    if (wanted > tree_->columnWidth(TreeModel::name))
        tree_->setColumnWidth(TreeModel::name, wanted);
}

// In a narrow view names give way to what is local, and come back when it is wider.
void ImageTreeView::keep_local_in_sight() {
    const int room = tree_->viewport()->width() - tree_->columnWidth(TreeModel::local);
    const int least = tree_->fontMetrics().averageCharWidth() * 14;
    const int first = tree_->fontMetrics().averageCharWidth() * first_name_width;
    const int now = tree_->columnWidth(TreeModel::name);
    const int wanted = std::max(now > room ? room : std::max(now, std::min(room, first)), least);
    if (wanted != now)
        tree_->setColumnWidth(TreeModel::name, wanted);
}

bool ImageTreeView::eventFilter(QObject* object, QEvent* event) {
    if (object == tree_->viewport() && event->type() == QEvent::Resize)
        keep_local_in_sight();
    if (event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (object == search_ && enter) {
            search((key->modifiers() & Qt::ShiftModifier) != 0, typing_.isActive());
            return true;
        }
        if (object == search_ && key->key() == Qt::Key_Down) {
            tree_->setFocus();
            return true;
        }
        const QModelIndex current = tree_->currentIndex().siblingAtColumn(0);
        if (object == tree_ && enter && model_->hasChildren(current)) {
            tree_->setExpanded(current, !tree_->isExpanded(current));
            return true;
        }
    }
    return QWidget::eventFilter(object, event);
}

// A file is read as if somebody had: a live run shows what that asks for.
void ImageTreeView::activate(const QModelIndex& index) {
    const auto node = model_->node_of(index);
    if (node && model_->image()->index.node(*node).is_regular())
        workspace_.read_now(*node);
}

void ImageTreeView::open_menu(const QPoint& at) {
    const QModelIndex index = tree_->indexAt(at);
    const auto node = model_->node_of(index);
    if (!node)
        return;
    QMenu menu(this);
    if (model_->image()->index.node(*node).is_regular()) {
        Target target;
        target.node = *node;
        add_steering(menu, workspace_, target);
        menu.addSeparator();
    } else if (model_->image()->index.node(*node).is_directory()) {
        Target target;
        target.node = *node;
        add_prefetch(menu, workspace_, target);
        menu.addSeparator();
    }
    menu.addAction(tree_->actions().constFirst());
    menu.exec(tree_->viewport()->mapToGlobal(at));
}

void ImageTreeView::open_header_menu(const QPoint& at) {
    QMenu menu(this);
    for (int column = TreeModel::name + 1; column < TreeModel::columns; ++column) {
        QAction* action =
            menu.addAction(model_->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString());
        action->setCheckable(true);
        action->setChecked(!tree_->isColumnHidden(column));
        connect(action, &QAction::toggled, tree_,
                [this, column](bool on) { tree_->setColumnHidden(column, !on); });
    }
    menu.exec(tree_->header()->mapToGlobal(at));
}

void ImageTreeView::copy_path() {
    if (const auto node = model_->node_of(tree_->currentIndex()))
        QGuiApplication::clipboard()->setText(workspace_.path_of(*node));
}

QByteArray ImageTreeView::save_state() const {
    return tree_->header()->saveState();
}

void ImageTreeView::restore_state(const QByteArray& state) {
    tree_->header()->restoreState(state);
}

} // namespace coldscope::app
