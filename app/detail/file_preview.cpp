#include "app/detail/file_preview.h"

#include "app/detail/hex_view.h"
#include "app/style/faint.h"
#include "app/style/look.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QEvent>
#include <QFontDatabase>
#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include <KSyntaxHighlighting/Repository>
#include <KSyntaxHighlighting/SyntaxHighlighter>
#include <KSyntaxHighlighting/Theme>

namespace coldscope::app {

FilePreview::FilePreview(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), path_(new QLabel), caption_(new QLabel),
      more_(new QPushButton(tr("&More"))), as_hex_(new QToolButton), pages_(new QStackedWidget),
      sentence_(new QLabel), text_(new QPlainTextEdit), hex_(new HexView), names_(new QListWidget),
      repository_(std::make_unique<KSyntaxHighlighting::Repository>()),
      colours_(new KSyntaxHighlighting::SyntaxHighlighter(text_->document())),
      gate_(this, [this] { refresh(); }) {
    setAccessibleName(tr("Preview"));
    path_->setTextFormat(Qt::PlainText);
    path_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    QFont bold = path_->font();
    bold.setBold(true);
    path_->setFont(bold);
    caption_->setTextFormat(Qt::PlainText);
    make_faint(caption_);
    as_hex_->setText(tr("Hex"));
    as_hex_->setCheckable(true);
    as_hex_->setToolTip(tr("Show the bytes in hex"));
    sentence_->setWordWrap(true);
    sentence_->setAlignment(Qt::AlignCenter);
    sentence_->setMargin(20);
    sentence_->setTextFormat(Qt::PlainText);
    sentence_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    make_faint(sentence_);
    text_->setReadOnly(true);
    text_->setUndoRedoEnabled(false);
    text_->setLineWrapMode(QPlainTextEdit::NoWrap);
    text_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    text_->setTabStopDistance(4 * QFontMetricsF(text_->font()).horizontalAdvance(u' '));
    text_->setAccessibleName(tr("Text of the file"));
    text_->setFrameShape(QFrame::NoFrame);
    // A cursor that can be seen, for the keyboard.
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    hex_->setFrameShape(QFrame::NoFrame);
    names_->setAccessibleName(tr("Names in the directory"));
    names_->setFrameShape(QFrame::NoFrame);
    names_->setUniformItemSizes(true);
    pages_->addWidget(sentence_); // in the order of Page
    pages_->addWidget(text_);
    pages_->addWidget(hex_);
    pages_->addWidget(names_);

    auto* top = new QHBoxLayout;
    top->setContentsMargins(8, 4, 8, 0);
    top->addWidget(path_, 1);
    top->addWidget(caption_);
    top->addWidget(more_);
    top->addWidget(as_hex_);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->setSpacing(4);
    all->addLayout(top);
    all->addWidget(pages_, 1);

    pieces_.setInterval(0);
    connect(&pieces_, &QTimer::timeout, this, &FilePreview::add_piece);
    connect(&workspace_.selection(), &Selection::changed, &gate_, &FrameGate::ask);
    connect(&workspace_, &Workspace::image_changed, this, [this] {
        node_.reset();
        pieces_.stop();
        hex_->show_sentence({}); // its bytes came from the old image
        gate_.ask();
    });
    connect(more_, &QPushButton::clicked, this, [this] {
        limit_ = std::min(limit_ * 4, most_read);
        show_node();
    });
    connect(as_hex_, &QToolButton::toggled, this, [this] {
        if (node_)
            show_node();
    });
    connect(names_, &QListWidget::itemActivated, this, [this](const QListWidgetItem* item) {
        workspace_.choose_node(item->data(Qt::UserRole).toUInt());
    });
    set_theme();
    refresh();
}

FilePreview::~FilePreview() = default;

FilePreview::Page FilePreview::page() const {
    return static_cast<Page>(pages_->currentIndex());
}

QString FilePreview::sentence() const {
    return page() == Page::sentence ? sentence_->text() : QString();
}

QString FilePreview::caption() const {
    return caption_->text();
}

void FilePreview::refresh_now() {
    gate_.ask();
    gate_.flush();
}

void FilePreview::set_theme() {
    const bool dark = theme_of(palette()) == Theme::dark;
    colours_->setTheme(
        repository_->defaultTheme(dark ? KSyntaxHighlighting::Repository::DarkTheme
                                       : KSyntaxHighlighting::Repository::LightTheme));
}

void FilePreview::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) {
        set_theme();
        if (page() == Page::text)
            colours_->rehighlight();
    }
}

void FilePreview::refresh() {
    const auto node = workspace_.selection().current().node;
    const bool valid = workspace_.image() && node && *node < workspace_.image()->index.size();
    if (!valid) {
        node_.reset();
        path_->clear();
        show_sentence(workspace_.image() ? tr("Choose a file in the tree to see what is in it.")
                                         : workspace_.no_image_text(tr(
                                               "Open an image, then choose a file in the tree.")));
        return;
    }
    if (node == node_)
        return;
    node_ = node;
    limit_ = first_read;
    show_node();
}

void FilePreview::show_sentence(const QString& sentence) {
    pieces_.stop();
    caption_->clear();
    more_->hide();
    as_hex_->hide();
    sentence_->setText(sentence);
    pages_->setCurrentWidget(sentence_);
}

void FilePreview::show_node() {
    pieces_.stop();
    more_->hide();
    path_->setText(workspace_.path_of(*node_));
    path_->setToolTip(path_->text());
    const erofs::Node& node = workspace_.image()->index.node(*node_);
    if (node.is_directory())
        show_directory(node);
    else if (node.is_regular())
        show_file(node);
    else if (S_ISLNK(node.mode))
        show_link(node);
    else
        show_sentence(node.mode == 0
                          ? tr("The inode of this file could not be read; the findings say why.")
                          : tr("This is no regular file: it has no bytes to show."));
}

void FilePreview::show_directory(const erofs::Node&) {
    const erofs::Index& index = workspace_.image()->index;
    const erofs::Index::Children children = index.children(*node_);
    names_->clear();
    const std::size_t count = std::min<std::size_t>(children.count, most_names);
    for (std::size_t at = 0; at < count; ++at) {
        const auto child = static_cast<erofs::NodeId>(children.first + at);
        const erofs::Node& node = index.node(child);
        const std::string_view name = index.name(child);
        QString text = QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
        if (node.is_directory())
            text += u'/';
        else if (node.is_regular())
            text = tr("%1 — %2").arg(text, size_text(node.size));
        auto* item = new QListWidgetItem(icon(node.is_directory()  ? "folder"
                                              : node.is_regular()  ? "text-x-generic"
                                              : S_ISLNK(node.mode) ? "emblem-symbolic-link"
                                                                   : "other-file"),
                                         text, names_);
        item->setData(Qt::UserRole, child);
    }
    if (children.count == 0) {
        show_sentence(tr("This directory is empty."));
        return;
    }
    as_hex_->hide();
    caption_->setText(
        count < children.count
            ? tr("the first %1 of %2 names").arg(count_text(count), count_text(children.count))
        : children.count == 1 ? tr("one name")
                              : tr("%1 names").arg(count_text(children.count)));
    pages_->setCurrentWidget(names_);
}

void FilePreview::show_link(const erofs::Node& node) {
    const auto inode = workspace_.image()->image->inode(node.nid);
    const auto target = inode ? workspace_.image()->image->link_target(*inode)
                              : Result<std::string>(std::unexpected(inode.error()));
    if (!target)
        show_sentence(
            tr("The target of this link can't be read: %1").arg(error_text(target.error())));
    else
        show_sentence(tr("A symbolic link to %1").arg(QString::fromStdString(*target)));
}

} // namespace coldscope::app
