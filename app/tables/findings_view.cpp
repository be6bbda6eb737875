#include "app/tables/findings_view.h"

#include "app/style/marks.h"
#include "app/tables/cells.h"
#include "app/tables/empty_state.h"
#include "app/tables/structure_view.h"

#include <QAction>
#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QPlainTextEdit>
#include <QSplitter>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

namespace coldscope::app {

FindingsView::FindingsView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), model_(new FindingsModel(workspace, this)),
      table_(new QTableView(this)), empty_(new EmptyState(table_)),
      details_(new QPlainTextEdit(this)), structure_(new StructureView(workspace, this)) {
    set_up_table(table_);
    table_->setModel(model_);
    table_->setObjectName(QStringLiteral("findings-list"));
    table_->setAccessibleName(tr("Findings"));
    table_->setContextMenuPolicy(Qt::ActionsContextMenu);
    auto* copy = new QAction(icon("edit-copy"), tr("Copy rows"), table_);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    connect(copy, &QAction::triggered, this, &FindingsView::copy);
    table_->addAction(copy);

    details_->setReadOnly(true);
    details_->setAccessibleName(tr("The selected finding"));
    details_->setTabChangesFocus(true);
    details_->setFrameShape(QFrame::NoFrame);
    auto* parts = new QSplitter(Qt::Vertical, this);
    parts->addWidget(table_);
    parts->addWidget(details_);
    parts->setStretchFactor(0, 1);
    parts->setSizes({300, fontMetrics().height() * 6});
    parts->setCollapsible(0, false);
    auto* beside = new QSplitter(Qt::Horizontal, this);
    beside->addWidget(parts);
    beside->addWidget(structure_);
    beside->setStretchFactor(0, 1);
    beside->setStretchFactor(1, 1);
    beside->setChildrenCollapsible(false);
    auto* lines = new QVBoxLayout(this);
    lines->setContentsMargins({});
    lines->addWidget(beside);
    setFocusProxy(table_);

    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &FindingsView::show_details);
    connect(model_, &QAbstractItemModel::modelReset, this, &FindingsView::show_all);
    show_all();
}

void FindingsView::show_all() {
    empty_->say(count() > 0             ? QString()
                : workspace_.checking() ? tr("Checking the image…")
                : workspace_.image()
                    ? tr("No findings: the image is as it should be.")
                    : workspace_.no_image_text(tr("Open an image to see what is wrong with it.")));
    table_->horizontalHeader()->setVisible(count() > 0);
    if (count() > 0) {
        table_->horizontalHeader()->setResizeContentsPrecision(100);
        for (int column = 0; column + 1 < FindingsModel::columns; ++column) {
            table_->resizeColumnToContents(column);
            table_->setColumnWidth(column, std::min(table_->columnWidth(column) + 8, 420));
        }
        table_->selectRow(0);
    }
    show_details();
    Q_EMIT count_changed(count());
}

void FindingsView::show_details() {
    const erofs::Finding* finding = model_->finding_at(table_->currentIndex().row());
    details_->setVisible(finding != nullptr);
    structure_->setVisible(count() > 0);
    structure_->show_finding(finding);
    if (finding == nullptr)
        return;
    QString text = QString::fromStdString(erofs::describe(*finding));
    if (!finding->advice.empty() && !text.contains(QString::fromStdString(finding->advice)))
        text += QStringLiteral("\n\n") + QString::fromStdString(finding->advice);
    details_->setPlainText(text);
}

void FindingsView::copy() {
    QString text;
    for (const QModelIndex& line : table_->selectionModel()->selectedRows()) {
        QStringList cells;
        for (int column = 0; column < FindingsModel::columns; ++column)
            cells.push_back(line.siblingAtColumn(column).data().toString());
        text += cells.join(QLatin1Char('\t')) + QLatin1Char('\n');
    }
    if (!text.isEmpty())
        QGuiApplication::clipboard()->setText(text);
}

} // namespace coldscope::app
