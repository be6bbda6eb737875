#include "app/tables/request_table.h"

#include "app/steer/steering.h"
#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/tables/cells.h"
#include "app/tables/empty_state.h"
#include "app/tables/request_grid.h"

#include <QAction>
#include <QCheckBox>
#include <QClipboard>
#include <QEvent>
#include <QGuiApplication>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QVBoxLayout>

namespace coldscope::app {

namespace {
constexpr int frame_ms = 16;
constexpr int enough_to_fit = 30; // rows
constexpr Nanoseconds budget = 5 * millisecond;
} // namespace

RequestTable::RequestTable(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), model_(new RequestModel(workspace, this)),
      filter_(new QLineEdit(this)), waiting_(new QCheckBox(tr("Only &waiting"), this)),
      count_(new QLabel(this)), grid_(new RequestGrid(model_, this)),
      empty_(new EmptyState(grid_)) {
    build_filter();
    build_grid();
    auto* line = new QHBoxLayout;
    line->setContentsMargins(6, 4, 6, 4);
    line->setSpacing(10);
    line->addWidget(filter_, 1);
    line->addWidget(waiting_);
    line->addWidget(count_);
    auto* lines = new QVBoxLayout(this);
    lines->setContentsMargins({});
    lines->setSpacing(0);
    lines->addLayout(line);
    lines->addWidget(grid_, 1);
    setFocusProxy(grid_);
    model_->set_theme(theme_of(palette()));

    more_.setSingleShot(true);
    more_.setInterval(frame_ms);
    connect(&more_, &QTimer::timeout, this, &RequestTable::bring_in);
    RunHost& host = workspace_.host();
    connect(&host, &RunHost::advanced, this, &RequestTable::bring_in);
    connect(&host, &RunHost::ticked, this, &RequestTable::count_up);
    connect(&host, &RunHost::phase_changed, this, &RequestTable::show_count);
    connect(&host, &RunHost::began, this, [this] { fitted_ = false; });
    connect(model_, &QAbstractItemModel::modelReset, this, &RequestTable::bring_in);
    connect(&workspace_.selection(), &Selection::changed, this, [this] {
        if (isVisible())
            show_chosen();
    });
    show_count();
}

void RequestTable::build_filter() {
    filter_->setPlaceholderText(
        tr("Filter: process, object or path · pid:412 · state:held · object:blob · op:read"));
    filter_->setToolTip(tr("Words that must all match. A plain word is looked for in process, "
                           "object and file paths.\nstate: held, delayed, fetching, answered, "
                           "failed, lost, refault, open"));
    filter_->setAccessibleName(tr("Filter of requests"));
    filter_->setAccessibleDescription(filter_->toolTip());
    filter_->setClearButtonEnabled(true);
    filter_->addAction(icon("edit-find"), QLineEdit::LeadingPosition);
    waiting_->setToolTip(tr("Requests that are held or delayed now"));
    count_->setAccessibleName(tr("Number of requests"));
    typing_.setSingleShot(true);
    typing_.setInterval(typing_ms);
    connect(filter_, &QLineEdit::textChanged, this, [this] { typing_.start(); });
    connect(filter_, &QLineEdit::returnPressed, this, &RequestTable::apply_filter);
    connect(&typing_, &QTimer::timeout, this, &RequestTable::apply_filter);
    connect(waiting_, &QCheckBox::toggled, this, &RequestTable::apply_filter);
}

void RequestTable::build_grid() {
    grid_->setAccessibleName(tr("Requests"));
    grid_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(grid_, &QWidget::customContextMenuRequested, this, &RequestTable::open_menu);
    connect(grid_->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &RequestTable::choose);
    const auto zoom = [this] {
        if (const auto row = model_->row_at(grid_->currentIndex().row()))
            Q_EMIT zoom_wanted(*row);
    };
    connect(grid_, &RequestGrid::entered, this, zoom);
    connect(grid_, &QAbstractItemView::doubleClicked, this, zoom);
    connect(grid_->horizontalHeader(), &QHeaderView::sortIndicatorChanged, this,
            &RequestTable::keep_sort);
    auto* copy = new QAction(icon("edit-copy"), tr("Copy rows"), grid_);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    connect(copy, &QAction::triggered, this, &RequestTable::copy_rows);
    grid_->addAction(copy);
}

void RequestTable::set_filter(const QString& text) {
    filter_->setText(text);
    apply_filter();
}

void RequestTable::focus_filter() {
    filter_->setFocus(Qt::ShortcutFocusReason);
    filter_->selectAll();
}

void RequestTable::apply_filter() {
    typing_.stop();
    model_->set_filter(filter_->text(), waiting_->isChecked()); // resets, which brings in
}

void RequestTable::bring_in() {
    if (!isVisible())
        return;
    const int before = model_->rowCount();
    following_ = true; // lines that go take the selection to others, which nobody chose
    if (!grid_->update_model(budget))
        more_.start();
    following_ = false;
    if (!fitted_ && model_->rowCount() >= enough_to_fit) {
        fitted_ = true;
        grid_->fit_columns();
    }
    if (before != model_->rowCount() || workspace_.selection().current().request)
        show_chosen();
    show_count();
}

void RequestTable::count_up() {
    if (!isVisible() || (counted_.isValid() && counted_.elapsed() < counting_ms))
        return;
    counted_.start();
    const auto [first, last] = grid_->in_sight();
    model_->time_went_on(first, last);
}

void RequestTable::show_count() {
    const RunHost& host = workspace_.host();
    const Row all = host.store().size();
    const auto shown = static_cast<std::uint64_t>(model_->rowCount());
    const bool looking = model_->looked_at() < all && model_->filtered();
    if (!model_->filter_error().isEmpty())
        count_->setText(model_->filter_error());
    else if (model_->filtered())
        count_->setText(
            (looking ? tr("%1 of %2…") : tr("%1 of %2")).arg(count_text(shown), count_text(all)));
    else
        count_->setText(count_text(all));
    if (shown > 0 || looking)
        empty_->say({});
    else if (all > 0)
        empty_->say(tr("No request matches the filter."));
    else if (host.live())
        empty_->say(tr("Nothing was read yet. A request stands here as soon as something reads "
                       "from the mount."));
    else
        empty_->say(tr("Start a run to see each read of the image here."));
}

void RequestTable::show_chosen() {
    const auto& row = workspace_.selection().current().request;
    const QModelIndex index = row ? model_->index_of(*row) : QModelIndex();
    const QModelIndex current = grid_->currentIndex();
    if (index.isValid() ? current.isValid() && current.row() == index.row()
                        : !current.isValid() && !grid_->selectionModel()->hasSelection())
        return;
    following_ = true;
    if (index.isValid()) {
        grid_->setCurrentIndex(index.siblingAtColumn(std::max(current.column(), 0)));
        grid_->scrollTo(index);
    } else {
        grid_->selectionModel()->clear();
    }
    following_ = false;
}

void RequestTable::choose(const QModelIndex& index) {
    if (following_)
        return;
    if (const auto row = model_->row_at(index.row()))
        workspace_.choose_request(*row);
}

// A column that can't be sorted by leaves the order as it was.
void RequestTable::keep_sort(int column, Qt::SortOrder order) {
    if (RequestModel::can_sort(column)) {
        sorted_by_ = column;
        sorted_ = order;
    } else {
        grid_->horizontalHeader()->setSortIndicator(sorted_by_, sorted_);
    }
}

void RequestTable::open_menu(const QPoint& at) {
    const QModelIndex cell = grid_->indexAt(at);
    const std::vector<Row> rows = grid_->selected_rows();
    if (rows.empty())
        return;
    QMenu menu(this);
    add_steering(menu, workspace_, target_of(workspace_, rows));
    menu.addSeparator();
    if (const QString figure = cell.data().toString(); !figure.isEmpty())
        menu.addAction(icon("edit-copy"), tr("Copy “%1”").arg(figure.left(60)),
                       [figure] { QGuiApplication::clipboard()->setText(figure); });
    menu.addAction(grid_->actions().constFirst());
    menu.exec(grid_->viewport()->mapToGlobal(at));
}

void RequestTable::copy_rows() {
    if (const QString text = grid_->selected_text(); !text.isEmpty())
        QGuiApplication::clipboard()->setText(text);
}

QByteArray RequestTable::save_state() const {
    return grid_->horizontalHeader()->saveState();
}

void RequestTable::restore_state(const QByteArray& state) {
    fitted_ = grid_->horizontalHeader()->restoreState(state) || fitted_;
}

void RequestTable::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    bring_in();
    show_chosen();
}

void RequestTable::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        model_->set_theme(theme_of(palette()));
}

} // namespace coldscope::app
