#include "app/views/attach_dialog.h"

#include "app/run/attacher.h"
#include "app/style/faint.h"
#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/views/file_dialogs.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileInfo>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

namespace coldscope::app {

namespace {

constexpr int least_form_width = 680; // logical pixels

QLabel* small_label(const QString& text, QWidget* parent) {
    auto* label = new QLabel(text, parent);
    label->setWordWrap(true);
    QSizePolicy policy = label->sizePolicy(); // it has a height for a width
    policy.setHorizontalPolicy(QSizePolicy::Expanding);
    label->setSizePolicy(policy);
    return label;
}

} // namespace

AttachDialog::AttachDialog(Workspace& workspace, QWidget* parent)
    : QDialog(parent), workspace_(workspace) {
    setWindowTitle(tr("Attach to a run"));
    setMinimumWidth(least_form_width);
    auto* form = new QFormLayout;
    form->setFieldGrowthPolicy(QFormLayout::ExpandingFieldsGrow);
    form->setHorizontalSpacing(14);

    where_ = new QComboBox(this);
    where_->setEditable(true);
    where_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    where_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    where_->setAccessibleName(tr("Address"));
    where_->addItems(Attacher::recent());
    where_->lineEdit()->setPlaceholderText(tr("unix:PATH, dev:PATH or exec:COMMAND"));
    form->addRow(tr("A&ddress"), where_);
    auto* forms =
        small_label(tr("<table cellspacing=0>"
                       "<tr><td>unix:/run/user/1000/coldscope.sock&nbsp;&nbsp;</td>"
                       "<td>a Unix socket</td></tr>"
                       "<tr><td>dev:/dev/ttyS1</td><td>a character device</td></tr>"
                       "<tr><td>exec:ssh HOST coldscoped run … --listen -&nbsp;&nbsp;</td>"
                       "<td>a program's standard input and output</td></tr></table>"),
                    this);
    make_faint(forms);
    form->addRow(QString(), forms);
    form->addRow(tr("&Image here"), copy_line());
    auto* what =
        small_label(tr("Without it the image is looked for by its path, or fetched."), this);
    make_faint(what);
    form->addRow(QString(), what);

    error_ = small_label({}, this);
    error_->setTextFormat(Qt::PlainText);
    error_->setAccessibleName(tr("What is missing"));
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
    attach_ = buttons->addButton(tr("Attach"), QDialogButtonBox::AcceptRole);
    attach_->setIcon(icon("attach"));
    attach_->setDefault(true);
    auto* column = new QVBoxLayout(this);
    column->addLayout(form);
    column->addStretch();
    column->addWidget(error_);
    column->addWidget(buttons);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(where_, &QComboBox::editTextChanged, this, &AttachDialog::look);
    connect(copy_, &QLineEdit::textChanged, this, &AttachDialog::look);
    look();
}

QWidget* AttachDialog::copy_line() {
    auto* line = new QWidget(this);
    auto* row = new QHBoxLayout(line);
    row->setContentsMargins(0, 0, 0, 0);
    copy_ = new QLineEdit(line);
    copy_->setAccessibleName(tr("Image on this machine"));
    copy_->setPlaceholderText(tr("a copy of the run's image, if there is one"));
    auto* browse = new QToolButton(line);
    browse->setIcon(icon("document-open"));
    browse->setToolTip(tr("Choose…"));
    browse->setAccessibleName(tr("Choose: image on this machine"));
    row->addWidget(copy_, 1);
    row->addWidget(browse);
    line->setFocusProxy(copy_);
    connect(browse, &QToolButton::clicked, this, [this] {
        const QString path =
            choose_file(this, workspace_, tr("Image on this machine"), copy_->text());
        if (!path.isEmpty())
            copy_->setText(path);
    });
    return line;
}

void AttachDialog::look() {
    QString error;
    if (const auto address = attach::parse_attach_address(where().toStdString()); !address)
        error = where().isEmpty() ? tr("Say where the run is.") : error_text(address.error());
    else if (!copy().isEmpty() && !QFileInfo(copy()).isFile())
        error = tr("There is no file %1.").arg(copy());
    error_->setText(error);
    attach_->setEnabled(error.isEmpty());
}

QString AttachDialog::where() const {
    return where_->currentText().trimmed();
}

QString AttachDialog::copy() const {
    return copy_->text().isEmpty() ? QString() : QFileInfo(copy_->text()).absoluteFilePath();
}

} // namespace coldscope::app
