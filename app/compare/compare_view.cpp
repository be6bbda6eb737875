#include "app/compare/compare_view.h"

#include "app/compare/compare_text.h"
#include "app/compare/fetch_bar.h"
#include "app/style/faint.h"
#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/tables/cells.h"
#include "app/tables/empty_state.h"
#include "app/tables/image_facts.h"

#include <QAction>
#include <QClipboard>
#include <QEvent>
#include <QFileInfo>
#include <QGuiApplication>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

namespace coldscope::app {

using compare::Kind;

namespace {

// As they stand in the filter.
constexpr std::array kind_order{Kind::added, Kind::removed, Kind::changed,
                                Kind::moved, Kind::unknown, Kind::same};
constexpr int most_copied = 100'000; // lines

} // namespace

CompareView::CompareView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), comparer_(workspace), model_(new ChangeModel(this)),
      head_(new QWidget), images_(new ElidedLabel(Qt::ElideMiddle, head_)),
      swap_(new QToolButton(head_)), compare_(new QToolButton(head_)), running_(new QWidget(head_)),
      progress_(new QProgressBar(running_)), bar_(new FetchBar(head_)), parts_(new QLabel(head_)),
      notes_(new QLabel(head_)), count_(new QLabel(head_)), filters_(new QWidget(this)),
      part_(new QLineEdit(filters_)), table_(new QTableView(this)), empty_(new EmptyState(table_)) {
    build_head();
    build_filter();
    build_table();
    // A dock at the bottom is wide and low: the figures stand beside the table.
    auto* figures = new QScrollArea(this);
    figures->setWidget(head_);
    figures->setWidgetResizable(true);
    figures->setFrameShape(QFrame::NoFrame);
    figures->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    figures->setFixedWidth(fontMetrics().averageCharWidth() * 48);
    figures->setFocusPolicy(Qt::NoFocus);
    figures->setAccessibleName(tr("Figures of the comparison"));
    auto* lines = new QVBoxLayout;
    lines->setSpacing(4);
    lines->addWidget(filters_);
    lines->addWidget(table_, 1);
    auto* sides = new QHBoxLayout(this);
    sides->setContentsMargins({});
    sides->setSpacing(0);
    sides->addWidget(figures);
    sides->addLayout(lines, 1);
    setFocusProxy(table_);
    model_->set_theme(theme_of(palette()));

    connect(&comparer_, &Comparer::changed, this, &CompareView::show_state);
    connect(&comparer_, &Comparer::progressed, this, &CompareView::show_progress);
    connect(&workspace_, &Workspace::image_changed, this, &CompareView::show_state);
    connect(&workspace_.selection(), &Selection::changed, this, [this] {
        if (isVisible())
            show_chosen();
    });
    show_state();
}

void CompareView::build_head() {
    QFont bold = images_->font();
    bold.setBold(true);
    images_->setFont(bold);
    images_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    swap_->setIcon(icon("swap"));
    swap_->setAccessibleName(tr("Swap the images"));
    swap_->setToolTip(tr("The other way round: the second image's node fetches the first"));
    compare_->setIcon(icon("compare"));
    compare_->setText(tr("Compare &with…"));
    compare_->setToolTip(tr("Compare with another image (Ctrl+Shift+O)"));
    for (QToolButton* button : {swap_, compare_}) {
        button->setFocusPolicy(Qt::TabFocus);
        button->setAutoRaise(true);
    }
    connect(swap_, &QToolButton::clicked, &comparer_, &Comparer::swap);
    connect(compare_, &QToolButton::clicked, this, &CompareView::compare_wanted);

    progress_->setAccessibleName(tr("Progress of the comparison"));
    auto* cancel = new QPushButton(tr("Cancel"), running_);
    cancel->setAutoDefault(false);
    connect(cancel, &QPushButton::clicked, &comparer_, &Comparer::cancel);
    auto* progress = new QHBoxLayout(running_);
    progress->setContentsMargins({});
    progress->addWidget(progress_, 1);
    progress->addWidget(cancel);

    make_faint(parts_);
    for (QLabel* label : {parts_, notes_, count_}) {
        label->setWordWrap(true);
        label->setTextFormat(Qt::PlainText);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    count_->setAccessibleName(tr("What is shown"));
    auto* line = new QHBoxLayout;
    line->setSpacing(2);
    line->addWidget(images_, 1);
    line->addWidget(swap_);
    line->addWidget(compare_);
    auto* lines = new QVBoxLayout(head_);
    lines->setContentsMargins(6, 4, 8, 4);
    lines->setSpacing(4);
    lines->addLayout(line);
    lines->addWidget(running_);
    lines->addWidget(bar_);
    lines->addWidget(notes_);
    lines->addWidget(count_);
    lines->addWidget(parts_);
    lines->addStretch(1);
}

void CompareView::build_filter() {
    part_->setPlaceholderText(tr("Filter: a part of a path"));
    part_->setAccessibleName(tr("Filter of paths"));
    part_->setClearButtonEnabled(true);
    part_->addAction(icon("edit-find"), QLineEdit::LeadingPosition);
    auto* line = new QHBoxLayout(filters_);
    line->setContentsMargins(0, 4, 6, 0);
    line->setSpacing(4);
    line->addWidget(part_, 1);
    for (const Kind kind : kind_order) {
        auto* button = new QToolButton(filters_);
        button->setCheckable(true);
        button->setChecked(kind != Kind::same);
        button->setAutoRaise(true); // so that what is on is seen
        button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
        button->setToolTip(kind == Kind::same
                               ? tr("Show paths that are the same in both")
                               : tr("Show paths that are “%1”").arg(app::name(kind)));
        connect(button, &QToolButton::toggled, this, &CompareView::apply_filter);
        line->addWidget(button);
        kinds_[static_cast<std::size_t>(kind)] = button;
    }
    typing_.setSingleShot(true);
    typing_.setInterval(typing_ms);
    connect(part_, &QLineEdit::textChanged, this, [this] { typing_.start(); });
    connect(part_, &QLineEdit::returnPressed, this, &CompareView::apply_filter);
    connect(&typing_, &QTimer::timeout, this, &CompareView::apply_filter);
}

void CompareView::build_table() {
    set_up_table(table_);
    table_->setModel(model_);
    table_->setAccessibleName(tr("Changes between the images"));
    table_->setContextMenuPolicy(Qt::ActionsContextMenu);
    table_->horizontalHeader()->setSortIndicator(static_cast<int>(ChangeColumn::path),
                                                 Qt::AscendingOrder);
    table_->horizontalHeader()->setStretchLastSection(false);
    table_->setSortingEnabled(true);
    auto* copy = new QAction(icon("edit-copy"), tr("Copy rows"), table_);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    connect(copy, &QAction::triggered, this, &CompareView::copy);
    table_->addAction(copy);
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &CompareView::choose);
    connect(model_, &QAbstractItemModel::modelAboutToBeReset, this, [this] { following_ = true; });
    connect(model_, &QAbstractItemModel::modelReset, this, [this] {
        following_ = false;
        if (!fitted_ && model_->rowCount() > 0) {
            fitted_ = true;
            fit_columns();
        }
        show_count();
        show_chosen();
    });
}

// To what is in them; paths give way, so that what is to be fetched is in sight, and take what is
// left.
void CompareView::fit_columns() {
    QHeaderView* header = table_->horizontalHeader();
    header->setResizeContentsPrecision(200);
    table_->resizeColumnsToContents();
    const int letter = table_->fontMetrics().averageCharWidth();
    for (const ChangeColumn column : {ChangeColumn::what, ChangeColumn::path}) {
        const int at = static_cast<int>(column);
        table_->setColumnWidth(at, std::min(table_->columnWidth(at), letter * 70));
    }
    const int paths = static_cast<int>(ChangeColumn::path);
    const int scroll_bar = style()->pixelMetric(QStyle::PM_ScrollBarExtent) + 4; // and the frame
    const int left = table_->width() - scroll_bar - header->length();
    table_->setColumnWidth(paths, std::max(table_->columnWidth(paths) + left, letter * 20));
}

void CompareView::start(const QString& other) {
    part_->clear();
    fitted_ = false;
    comparer_.start(other);
}

void CompareView::show_state() {
    const auto& compared = comparer_.compared();
    const bool any = compared != nullptr;
    QString first;
    QString second;
    if (!comparer_.other().isEmpty() && workspace_.image()) {
        first = file_name(*workspace_.image());
        second = QFileInfo(comparer_.other()).fileName();
        if (!comparer_.open_is_before())
            std::swap(first, second);
    }
    head_->setVisible(workspace_.image() != nullptr);
    images_->set_whole(first.isEmpty() ? QString() : QStringLiteral("%1 → %2").arg(first, second));
    swap_->setEnabled(any);
    swap_->setVisible(!first.isEmpty());
    compare_->setToolButtonStyle(first.isEmpty() ? Qt::ToolButtonTextBesideIcon
                                                 : Qt::ToolButtonIconOnly);
    running_->setVisible(comparer_.running());
    for (QWidget* widget : std::initializer_list<QWidget*>{bar_, parts_, count_, filters_})
        widget->setVisible(any);
    table_->horizontalHeader()->setVisible(any);
    if (any)
        show_figures();
    notes_->setText(any ? notes_text(*compared) : QString());
    notes_->setVisible(!notes_->text().isEmpty());
    show_progress();
    apply_filter();
    model_->show(compared);
}

void CompareView::show_progress() {
    if (!comparer_.running())
        return;
    const compare::Progress now = comparer_.progress();
    progress_->setRange(0, 1000);
    progress_->setFormat(phase_text(now.phase));
    progress_->setValue(
        now.total == 0 ? 0
                       : static_cast<int>(std::min(1000.0, 1000.0 * static_cast<double>(now.done) /
                                                               static_cast<double>(now.total))));
}

void CompareView::show_figures() {
    const compare::Comparison& result = comparer_.compared()->result;
    bar_->show(result);
    QStringList parts;
    const auto part = [&parts](std::uint64_t bytes, const QString& what) {
        if (bytes != 0)
            parts.push_back(QStringLiteral("· %1 %2").arg(size_text(bytes), what));
    };
    const auto of = [&](Kind kind) { return result.fetch_by_kind[static_cast<std::size_t>(kind)]; };
    part(of(Kind::added), tr("of added files"));
    part(of(Kind::changed), tr("of changed files"));
    part(of(Kind::moved), tr("of moved files"));
    part(of(Kind::unknown), tr("of files not compared"));
    part(of(Kind::same), tr("of unchanged files"));
    part(result.metadata_to_fetch, tr("of metadata"));
    std::uint64_t chunks = 0;
    std::uint64_t shared = 0;
    for (const compare::DeviceNeed& need : result.devices) {
        chunks += need.chunks;
        shared += need.shared_chunks;
    }
    if (result.to_fetch == 0)
        parts.push_back(tr("Nothing of %1 is to be fetched").arg(size_text(result.needed)));
    else
        parts.prepend(
            tr("To fetch, %1 of %2:").arg(size_text(result.to_fetch), size_text(result.needed)));
    if (chunks != 0)
        parts.push_back(tr("%1 of %2 chunks shared").arg(count_text(shared), count_text(chunks)));
    parts_->setText(parts.join(QLatin1Char('\n')));
    const Theme theme = theme_of(palette());
    for (const Kind kind : kind_order) {
        QToolButton* button = kinds_[static_cast<std::size_t>(kind)];
        button->setIcon(mark_icon(mark_of(kind), theme));
        button->setText(tr("%1 %2").arg(app::name(kind), count_text(result.count(kind))));
        button->setEnabled(result.count(kind) != 0);
    }
}

QString CompareView::empty_text() const {
    if (!workspace_.image())
        return workspace_.no_image_text(tr("Open an image to compare it with another one here."));
    if (comparer_.running())
        return tr("Comparing…");
    if (!comparer_.error().isEmpty())
        return tr("The images could not be compared.\n%1").arg(comparer_.error());
    const auto& compared = comparer_.compared();
    if (compared == nullptr)
        return tr("Compare with… (Ctrl+Shift+O) shows what another image adds, changes and moves, "
                  "and what a node that has this one must fetch for it.");
    if (model_->rowCount() > 0)
        return {};
    if (model_->picking())
        return tr("Looking…");
    if (compared->result.same())
        return tr("All %1 paths are the same in both images.")
            .arg(count_text(compared->result.changes.size()));
    return tr("No path matches the filter.");
}

void CompareView::show_count() {
    empty_->say(empty_text());
    if (!comparer_.compared()) {
        count_->clear();
        return;
    }
    count_->setText(tr("%1 of %2 paths · %3 to fetch")
                        .arg(count_text(static_cast<std::uint64_t>(model_->rowCount())),
                             count_text(comparer_.compared()->result.changes.size()),
                             size_text(model_->fetch_shown())));
}

void CompareView::apply_filter() {
    typing_.stop();
    std::uint32_t kinds = 0;
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind)
        kinds |= kinds_[kind]->isChecked() ? 1U << kind : 0U;
    model_->set_filter(part_->text(), kinds);
}

void CompareView::show_chosen() {
    const auto& node = workspace_.selection().current().node;
    const int line = node ? model_->line_of(*node) : -1;
    if (line == table_->currentIndex().row())
        return;
    following_ = true;
    if (line >= 0) {
        table_->selectRow(line);
        table_->scrollTo(model_->index(line, 0));
    } else {
        table_->selectionModel()->clear();
    }
    following_ = false;
}

// What the open image lacks is chosen here alone.
void CompareView::choose(const QModelIndex& index) {
    const compare::Change* change = model_->change_at(index.row());
    if (following_ || change == nullptr)
        return;
    if (const auto node = comparer_.compared()->open_node(*change); node != erofs::no_node)
        workspace_.choose_node(node);
}

void CompareView::copy() {
    QString text;
    const QModelIndexList lines = table_->selectionModel()->selectedRows();
    for (const QModelIndex& line : lines.first(std::min<qsizetype>(lines.size(), most_copied))) {
        QStringList cells;
        for (int column = 0; column < change_columns; ++column)
            cells.push_back(line.siblingAtColumn(column).data().toString());
        text += cells.join(QLatin1Char('\t')) + QLatin1Char('\n');
    }
    if (!text.isEmpty())
        QGuiApplication::clipboard()->setText(text);
}

void CompareView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    show_chosen();
}

void CompareView::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() != QEvent::PaletteChange)
        return;
    model_->set_theme(theme_of(palette()));
    if (comparer_.compared())
        show_figures();
}

} // namespace coldscope::app
