#include "app/views/start_dialog.h"

#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/views/file_dialogs.h"
#include "daemon/guard/inode_share.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileInfo>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QProcess>
#include <QPushButton>
#include <QStandardItemModel>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

#include <unistd.h>

namespace coldscope::app {

namespace {

constexpr int least_width = 640; // logical pixels

QString from_view(std::string_view text) {
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

QLabel* small_label(QWidget* parent) {
    auto* label = new QLabel(parent);
    label->setWordWrap(true);
    label->setTextFormat(Qt::PlainText);
    QSizePolicy policy = label->sizePolicy(); // it has a height for a width
    policy.setHorizontalPolicy(QSizePolicy::Expanding);
    label->setSizePolicy(policy);
    return label;
}

} // namespace

QString joined_command(const QStringList& words) {
    QStringList quoted;
    for (QString word : words) {
        const bool plain = !word.isEmpty() && !word.contains(u' ') && !word.contains(u'"');
        quoted << (plain ? word
                         : QStringLiteral("\"%1\"").arg(
                               word.replace(u'"', QStringLiteral("\"\"\""))));
    }
    return quoted.join(u' ');
}

StartDialog::StartDialog(Workspace& workspace, const Choice& choice, QWidget* parent)
    : QDialog(parent), workspace_(workspace), given_(choice), offers_(offers()) {
    setWindowTitle(tr("Start a run"));
    setMinimumWidth(least_width);
    auto* form = new QFormLayout;
    form->setFieldGrowthPolicy(QFormLayout::ExpandingFieldsGrow);
    form->setHorizontalSpacing(14);

    form->addRow(tr("&Image"), path_line(image_, false, tr("Image")));
    image_facts_ = small_label(this);
    form->addRow(QString(), image_facts_);
    blobs_label_ = new QLabel(tr("Blobs"), this);
    auto* blobs = new QWidget(this);
    blobs_ = new QVBoxLayout(blobs);
    blobs_->setContentsMargins(0, 0, 0, 0);
    form->addRow(blobs_label_, blobs);

    transport_ = new QComboBox(this);
    reason_ = small_label(this);
    form->addRow(tr("&Transport"), transport_);
    form->addRow(QString(), reason_);

    auto* source = new QHBoxLayout;
    source->setSpacing(8);
    const auto add = [&](QLineEdit*& field, const QString& name, const QString& hint) {
        field = new QLineEdit(this);
        field->setPlaceholderText(hint);
        field->setAccessibleName(name);
        auto* label = new QLabel(name, this);
        label->setBuddy(field);
        source->addWidget(label);
        source->addWidget(field, 1);
    };
    add(latency_, tr("&latency"), tr("none, or 2ms"));
    add(jitter_, tr("&jitter"), tr("none, or 500us"));
    add(bandwidth_, tr("&bandwidth"), tr("no limit, or 10M"));
    form->addRow(tr("Source, made slow"), source);
    buffered_ = new QCheckBox(tr("Buffered: FUSE's own cache may hide misses (fuse-blob)"), this);
    form->addRow(QString(), buffered_);
    share_domain_ = new QLineEdit(this);
    share_domain_->setPlaceholderText(tr("nobody, or the name of a domain (fanotify, fuse-blob)"));
    const std::string obstacle = guard::inode_share_obstacle();
    may_share_ = obstacle.empty() || geteuid() != 0;
    if (!may_share_)
        share_domain_->setPlaceholderText(tr("not on this kernel: Linux 7.0 has inode_share"));
    share_domain_->setToolTip(
        obstacle.empty() ? tr("All mounts of a domain hold files with equal fingerprints in memory "
                              "once (inode_share). Every image of it is trusted with the others' "
                              "bytes.")
                         : QString::fromStdString(obstacle));
    form->addRow(tr("S&hare memory with"), share_domain_);
    form->addRow(tr("&Mount on"), path_line(mount_, true, tr("Mount point")));
    mount_->setPlaceholderText(tr("a folder made for this run"));
    form->addRow(tr("&Keep bytes in"), path_line(cache_, true, tr("Cache folder")));
    cache_->setPlaceholderText(tr("a folder made for this run: everything is cold at its start"));
    form->addRow(tr("&Reads"), path_line(reads_, false, tr("List of reads")));
    reads_->setPlaceholderText(tr("for simulated: a list; without one, an example from the image"));
    command_ = new QLineEdit(this);
    command_->setPlaceholderText(tr("nothing, or a program to start in the mount: ls -lR ."));
    form->addRow(tr("&Program"), command_);
    error_ = small_label(this);
    error_->setAccessibleName(tr("What is missing"));

    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
    start_ = buttons->addButton(tr("Start"), QDialogButtonBox::AcceptRole);
    start_->setIcon(icon("media-playback-start"));
    start_->setDefault(true);
    auto* column = new QVBoxLayout(this);
    column->addLayout(form);
    column->addStretch();
    column->addWidget(error_);
    asks_ = small_label(this);
    auto* last = new QHBoxLayout;
    last->setSpacing(14);
    last->addWidget(asks_, 1);
    last->addWidget(buttons);
    column->addLayout(last);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);

    fill_transports();
    image_->setText(choice.image);
    latency_->setText(choice.latency);
    jitter_->setText(choice.jitter);
    bandwidth_->setText(choice.bandwidth);
    buffered_->setChecked(choice.buffered);
    share_domain_->setText(choice.share_domain);
    mount_->setText(choice.mount);
    cache_->setText(choice.cache);
    reads_->setText(choice.reads);
    command_->setText(joined_command(choice.command));
    connect(image_, &QLineEdit::textChanged, this, &StartDialog::look_at_image);
    connect(transport_, &QComboBox::currentIndexChanged, this, &StartDialog::look_at_fields);
    for (QLineEdit* field :
         {latency_, jitter_, bandwidth_, share_domain_, mount_, cache_, reads_, command_})
        connect(field, &QLineEdit::textChanged, this, &StartDialog::look_at_fields);
    look_at_image();
}

QWidget* StartDialog::path_line(QLineEdit*& field, bool folder, const QString& name) {
    auto* line = new QWidget(this);
    auto* row = new QHBoxLayout(line);
    row->setContentsMargins(0, 0, 0, 0);
    field = new QLineEdit(line);
    field->setAccessibleName(name);
    auto* browse = new QToolButton(line);
    browse->setIcon(icon(folder ? "folder" : "document-open"));
    browse->setToolTip(tr("Choose…"));
    browse->setAccessibleName(tr("Choose: %1").arg(name));
    row->addWidget(field, 1);
    row->addWidget(browse);
    line->setFocusProxy(field);
    connect(browse, &QToolButton::clicked, this, [this, field, folder, name] {
        const QString beside = field->text().isEmpty() ? image_->text() : field->text();
        const QString path = folder ? choose_folder(this, workspace_, name, beside)
                                    : choose_file(this, workspace_, name, beside);
        if (!path.isEmpty())
            field->setText(path);
    });
    return line;
}

// An image's run never is cachefiles'.
void StartDialog::fill_transports() {
    auto* items = qobject_cast<QStandardItemModel*>(transport_->model());
    const Offer* best = best_alone(offers_);
    const QString best_name = best == nullptr ? tr("none") : from_view(name(best->kind));
    // By itself no run is simulated.
    transport_->addItem(tr("The best that works here (%1)").arg(best_name),
                        best != nullptr && best->kind == TransportKind::simulated ? best_name
                                                                                  : QString());
    transport_->setItemData(0, tr("Misses are seen as closely as this machine lets them be."),
                            Qt::ToolTipRole);
    bool chosen = given_.transport.isEmpty() && !given_.privileged;
    for (const Offer& offer : offers_) {
        const QString offered = from_view(name(offer.kind));
        const bool works = offer.works && offer.kind != TransportKind::cachefiles;
        transport_->addItem(!works         ? tr("%1 (does not work here)").arg(offered)
                            : offer.asks() ? tr("%1 — needs an administrator").arg(offered)
                                           : offered,
                            offered);
        const int at = transport_->count() - 1;
        transport_->setItemData(at, QString::fromStdString(offer.reason), Qt::ToolTipRole);
        items->item(at)->setEnabled(works);
        if (!chosen && works && (offered == given_.transport || given_.transport.isEmpty())) {
            transport_->setCurrentIndex(at);
            chosen = true;
        }
    }
}

void StartDialog::look_at_image() {
    if (image_->text() == looked_at_ && !looked_at_.isEmpty())
        return;
    looked_at_ = image_->text();
    QStringList names;
    QStringList paths;
    image_error_.clear();
    image_facts_->clear();
    super_.reset();
    if (looked_at_.isEmpty()) {
        image_error_ = tr("Choose an image.");
    } else if (in_own_mount(workspace_, looked_at_)) {
        image_error_ = tr("That is in the mount of the run itself.");
    } else {
        std::vector<std::string> given;
        if (looked_at_ == given_.image) {
            for (const QString& device : given_.devices)
                given.push_back(device.toStdString());
        }
        const auto head = read_head(looked_at_.toStdString(), given);
        if (!head) {
            image_error_ = error_text(head.error(), looked_at_);
        } else {
            super_ = head->super;
            for (std::size_t i = 0; i < head->devices.size() && !head->flattened; ++i) {
                const QString tag = QString::fromStdString(head->devices[i].tag);
                names << (tag.isEmpty() ? tr("Blob %1").arg(i + 1)
                                        : tr("Blob %1: %2").arg(i + 1).arg(tag));
                paths << QString::fromStdString(head->device_paths[i]);
            }
            image_facts_->setText(
                tr("EROFS, %1 inodes, blocks of %2, %3")
                    .arg(count_text(head->super.inodes), size_text(head->super.block_size()),
                         head->flattened             ? tr("its blobs within it")
                         : head->devices.empty()     ? tr("no blob")
                         : head->devices.size() == 1 ? tr("one blob")
                                                     : tr("%1 blobs").arg(head->devices.size())));
        }
    }
    show_blob_lines(names, paths);
    look_at_fields();
}

void StartDialog::show_blob_lines(const QStringList& names, const QStringList& paths) {
    while (QLayoutItem* item = blobs_->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    blob_fields_.clear();
    for (qsizetype i = 0; i < names.size(); ++i) {
        QLineEdit* field = nullptr;
        blobs_->addWidget(path_line(field, false, names[i]));
        field->setPlaceholderText(tr("%1: not found beside the image").arg(names[i]));
        field->setToolTip(names[i]);
        field->setText(paths[i]);
        connect(field, &QLineEdit::textChanged, this, &StartDialog::look_at_fields);
        blob_fields_.push_back(field);
    }
    blobs_label_->setVisible(!names.isEmpty());
    blobs_label_->setText(names.size() == 1 ? tr("Blob") : tr("Blobs"));
}

void StartDialog::look_at_fields() {
    const Choice now = choice();
    show_asked(now);
    const bool simulated = now.transport == QStringLiteral("simulated");
    reads_->parentWidget()->setEnabled(simulated);
    mount_->parentWidget()->setEnabled(!simulated);
    command_->setEnabled(!simulated);
    buffered_->setEnabled(!simulated && now.transport != QStringLiteral("fuse-tree"));
    share_domain_->setEnabled(may_share_ && !simulated &&
                              now.transport != QStringLiteral("fuse-tree"));
    QString error = image_error_;
    if (error.isEmpty() && !now.share_domain.isEmpty() &&
        !guard::is_domain(now.share_domain.toStdString()))
        error = tr("A domain's name has letters, digits, dots, '-' and '_' only.");
    for (const QLineEdit* field : blob_fields_) {
        if (error.isEmpty() && !QFileInfo(field->text()).isFile())
            error = field->text().isEmpty()
                        ? tr("Name the file of %1.").arg(field->accessibleName())
                        : tr("There is no file %1.").arg(field->text());
    }
    if (const auto shape = shape_of(now); error.isEmpty() && !shape)
        error = error_text(shape.error());
    error_->setText(error);
    start_->setEnabled(error.isEmpty());
}

void StartDialog::show_asked(const Choice& now) {
    const guard::Rights rights = asked_by(now, super_ ? &*super_ : nullptr);
    QString text = transport_->currentData(Qt::ToolTipRole).toString();
    if (rights != guard::Rights::own)
        text += u'\n' + guard_will(RootFor::run);
    if (rights == guard::Rights::root_trusted)
        text += u'\n' + trust_sentence();
    reason_->setText(text);
    asks_->setText(rights == guard::Rights::own ? QString()
                   : rights == guard::Rights::root
                       ? tr("Start needs an administrator, who lets coldscope-guard run as root.")
                       : tr("Start needs an administrator, who trusts you as root."));
}

Choice StartDialog::choice() const {
    Choice choice;
    choice.image =
        image_->text().isEmpty() ? QString() : QFileInfo(image_->text()).absoluteFilePath();
    for (const QLineEdit* field : blob_fields_)
        choice.devices << field->text();
    choice.transport = transport_->currentData().toString();
    choice.privileged = std::ranges::any_of(offers_, [&choice](const Offer& offer) {
        return offer.asks() && choice.transport == from_view(name(offer.kind));
    });
    choice.latency = latency_->text();
    choice.jitter = jitter_->text();
    choice.bandwidth = bandwidth_->text();
    choice.buffered = buffered_->isEnabled() && buffered_->isChecked();
    choice.share_domain = share_domain_->isEnabled() ? share_domain_->text() : QString();
    choice.mount = mount_->text();
    choice.cache = cache_->text();
    choice.reads = reads_->text();
    choice.command = QProcess::splitCommand(command_->text());
    choice.steering = given_.steering;
    return choice;
}

} // namespace coldscope::app
