#include "app/tables/held_view.h"

#include "app/models/request_text.h"
#include "app/steer/steering.h"
#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/tables/cells.h"
#include "app/tables/empty_state.h"

#include <QAction>
#include <QEvent>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cerrno>

namespace coldscope::app {

HeldView::HeldView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), model_(new HeldModel(workspace, this)),
      rules_(new RulesModel(workspace, this)), table_(new QTableView(this)),
      empty_(new EmptyState(table_)) {
    build_table();
    auto* lines = new QVBoxLayout(this);
    lines->setContentsMargins({});
    lines->setSpacing(0);
    lines->addWidget(table_, 3);
    lines->addWidget(build_acts());
    lines->addWidget(build_rules());
    setFocusProxy(table_);
    model_->set_theme(theme_of(palette()));

    RunHost& host = workspace_.host();
    connect(&host, &RunHost::advanced, this, &HeldView::bring_in);
    connect(&host, &RunHost::began, this, &HeldView::bring_in);
    connect(&host, &RunHost::phase_changed, this, &HeldView::bring_in);
    connect(&host, &RunHost::ticked, this, &HeldView::count_up);
    connect(&workspace_.selection(), &Selection::changed, this, [this] {
        if (isVisible())
            show_chosen();
    });
    bring_in();
}

void HeldView::build_table() {
    set_up_table(table_);
    table_->setModel(model_);
    table_->setAccessibleName(tr("Requests that wait"));
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    const auto width = [this](const QString& text) {
        return table_->fontMetrics().horizontalAdvance(text) + 24;
    };
    table_->setColumnWidth(HeldModel::id, width(QStringLiteral("12345")) + 20);
    table_->setColumnWidth(HeldModel::waits,
                           width(tr("delayed, %1 ago").arg(duration_text(100 * millisecond))));
    table_->setColumnWidth(HeldModel::process, width(QStringLiteral("containerd-shim (412345)")));
    table_->setColumnWidth(HeldModel::place,
                           width(QStringLiteral("blob 1: layer.blob, 128 KiB at 0x000000000")));
    table_->setColumnWidth(HeldModel::files,
                           width(QStringLiteral("/usr/lib/x86_64-linux-gnu/libfoo.so.1")));
    connect(table_->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &HeldView::choose);
    connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &HeldView::show_acts);
    connect(table_, &QWidget::customContextMenuRequested, this, &HeldView::open_menu);
}

QWidget* HeldView::build_acts() {
    auto* acts = new QWidget(this);
    const auto button = [&](const char* picture, const QString& text) {
        return new QPushButton(icon(picture), text, acts);
    };
    release_ = button("release", tr("Release"));
    delay_ = button("delay", tr("Delay…"));
    fail_ = button("fail", tr("Fail…"));
    release_all_ = button("release-all", tr("Release all"));
    release_all_->setToolTip(tr("All that wait go on, and the rules that hold end"));
    seen_ = new QLabel(acts);
    seen_->setWordWrap(true);
    seen_->setTextFormat(Qt::PlainText);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(6);
    for (QPushButton* one : {release_, delay_, fail_})
        buttons->addWidget(one);
    buttons->addStretch(1);
    buttons->addWidget(release_all_);
    auto* lines = new QVBoxLayout(acts);
    lines->setContentsMargins(6, 6, 6, 6);
    lines->setSpacing(4);
    lines->addLayout(buttons);
    lines->addWidget(seen_);
    connect(release_, &QPushButton::clicked, this, &HeldView::release_chosen);
    connect(delay_, &QPushButton::clicked, this, &HeldView::delay_chosen);
    connect(fail_, &QPushButton::clicked, this, &HeldView::fail_chosen);
    connect(release_all_, &QPushButton::clicked, this, [this] { workspace_.host().release_all(); });
    return acts;
}

QWidget* HeldView::build_rules() {
    auto* part = new QWidget(this);
    fold_ = new QToolButton(part);
    fold_->setAutoRaise(true);
    fold_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    fold_->setCheckable(true);
    folded_ = new QWidget(part);
    rule_table_ = new QTableView(folded_);
    set_up_table(rule_table_);
    rule_table_->setModel(rules_);
    rule_table_->setAccessibleName(tr("Rules"));
    rule_table_->setColumnWidth(RulesModel::id, 56);
    rule_table_->setColumnWidth(RulesModel::action, 90);
    rule_table_->setFixedHeight(6 * rule_table_->verticalHeader()->defaultSectionSize());
    remove_ = new QPushButton(icon("list-remove"), tr("Remove"), folded_);
    remove_->setToolTip(tr("The rule ends; what it holds stays held"));
    auto* inside = new QHBoxLayout(folded_);
    inside->setContentsMargins(0, 0, 0, 6);
    inside->addWidget(rule_table_, 1);
    inside->addWidget(remove_, 0, Qt::AlignTop);
    auto* lines = new QVBoxLayout(part);
    lines->setContentsMargins(6, 0, 6, 0);
    lines->setSpacing(2);
    lines->addWidget(fold_, 0, Qt::AlignLeft);
    lines->addWidget(folded_);
    folded_->hide();
    connect(fold_, &QToolButton::toggled, this, &HeldView::show_rules);
    connect(remove_, &QPushButton::clicked, this, &HeldView::remove_rules);
    connect(rules_, &QAbstractItemModel::rowsInserted, this, &HeldView::show_rules);
    connect(rules_, &QAbstractItemModel::rowsRemoved, this, &HeldView::show_rules);
    connect(rule_table_->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &HeldView::show_rules);
    auto* remove = new QAction(rule_table_);
    remove->setShortcut(QKeySequence::Delete);
    remove->setShortcutContext(Qt::WidgetShortcut);
    connect(remove, &QAction::triggered, this, &HeldView::remove_rules);
    rule_table_->addAction(remove);
    show_rules();
    return part;
}

void HeldView::bring_in() {
    // Also while hidden: the dock's title counts. What waits is few.
    following_ = true;
    model_->update();
    following_ = false;
    if (count() != told_) {
        told_ = count();
        Q_EMIT count_changed(told_);
    }
    if (!isVisible())
        return;
    show_acts();
    show_chosen();
    empty_->say(count() > 0 ? QString()
                : workspace_.host().live()
                    ? tr("Nothing is held. Hold next (Ctrl+H) makes the next miss wait here.")
                    : tr("Nothing is held. In a live run, Hold next (Ctrl+H) makes the next miss "
                         "wait here."));
}

void HeldView::count_up() {
    if (!isVisible() || (counted_.isValid() && counted_.elapsed() < counting_ms))
        return;
    counted_.start();
    model_->time_went_on();
}

std::vector<Row> HeldView::chosen_or_oldest() const {
    std::vector<Row> rows;
    for (const QModelIndex& line : table_->selectionModel()->selectedRows()) {
        if (const auto row = model_->row_at(line.row()))
            rows.push_back(*row);
    }
    if (rows.empty()) {
        if (const auto oldest = model_->row_at(0))
            rows.push_back(*oldest);
    }
    std::sort(rows.begin(), rows.end());
    return rows;
}

void HeldView::show_acts() {
    const std::vector<Row> rows = chosen_or_oldest();
    const bool any = !rows.empty() && workspace_.host().live();
    for (QPushButton* button : {release_, delay_, fail_, release_all_})
        button->setEnabled(any);
    if (!any) {
        seen_->setText(tr("What waits here can be released, delayed or failed."));
        return;
    }
    const EventStore& store = workspace_.host().store();
    const RequestRow& row = store[rows.front()];
    const QString which =
        rows.size() > 1
            ? tr("%1 requests").arg(count_text(rows.size()))
            : QStringLiteral("#%1, %2").arg(row.id).arg(process_text(store.reader(row)));
    seen_->setText(tr("%1: Release lets the reader go on. Fail with EIO: %2.")
                       .arg(which, reader_gets(workspace_, EIO)));
}

void HeldView::release_chosen() {
    release(workspace_, chosen_or_oldest());
}

void HeldView::delay_chosen() {
    const std::vector<Row> rows = chosen_or_oldest();
    if (rows.empty())
        return;
    if (const auto time = ask_delay(this))
        delay(workspace_, rows, *time);
}

void HeldView::fail_chosen() {
    const std::vector<Row> rows = chosen_or_oldest();
    if (rows.empty())
        return;
    if (const auto failing = ask_failing(this, workspace_, rows))
        fail(workspace_, rows, *failing);
}

void HeldView::show_rules() {
    const int rules = rules_->rowCount();
    fold_->setText(rules == 0 ? tr("No rules") : tr("Rules (%1)").arg(rules));
    fold_->setArrowType(fold_->isChecked() ? Qt::DownArrow : Qt::RightArrow);
    fold_->setEnabled(rules > 0 || fold_->isChecked());
    folded_->setVisible(fold_->isChecked());
    remove_->setEnabled(rule_table_->selectionModel()->hasSelection());
}

void HeldView::remove_rules() {
    rules_->clear_rules(rule_table_->selectionModel()->selectedRows());
}

void HeldView::show_chosen() {
    const auto& row = workspace_.selection().current().request;
    const int place = row ? model_->place_of(*row) : -1;
    const QModelIndex current = table_->currentIndex();
    if (place == current.row())
        return;
    following_ = true;
    if (place >= 0) {
        table_->setCurrentIndex(model_->index(place, std::max(current.column(), 0)));
        table_->scrollTo(table_->currentIndex());
    } else {
        table_->selectionModel()->clear();
    }
    following_ = false;
}

void HeldView::choose(const QModelIndex& index) {
    if (following_)
        return;
    if (const auto row = model_->row_at(index.row()))
        workspace_.choose_request(*row);
}

void HeldView::open_menu(const QPoint& at) {
    if (!table_->indexAt(at).isValid())
        return;
    QMenu menu(this);
    add_steering(menu, workspace_, target_of(workspace_, chosen_or_oldest()));
    menu.exec(table_->viewport()->mapToGlobal(at));
}

void HeldView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    bring_in();
}

void HeldView::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        model_->set_theme(theme_of(palette()));
}

} // namespace coldscope::app
