// How the preview reads a file and shows its text, piece by piece.
#include "app/detail/file_preview.h"
#include "app/detail/hex_view.h"
#include "app/style/text.h"

#include <QLabel>
#include <QMimeDatabase>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QStackedWidget>
#include <QStringDecoder>
#include <QTextCursor>
#include <QToolButton>
#include <algorithm>

#include <KSyntaxHighlighting/Definition>
#include <KSyntaxHighlighting/Repository>
#include <KSyntaxHighlighting/SyntaxHighlighter>

namespace coldscope::app {

namespace {

constexpr qsizetype looked_at = 8192;  // bytes that tell text from others
constexpr qsizetype piece = 16 * 1024; // characters that are coloured at once

bool is_binary(const QByteArray& bytes) {
    return bytes.left(looked_at).contains('\0');
}

// UTF-8, and what is none as Latin-1. The end may cut a character in two.
QString decoded(const QByteArray& bytes) {
    QStringDecoder decoder(QStringDecoder::Utf8);
    QString text = decoder.decode(bytes);
    if (!decoder.hasError())
        return text;
    return QString::fromLatin1(bytes);
}

// Lines that would make the editor slow are cut. True when there were any.
bool cut_lines(QString& text, int most) {
    QString result;
    bool cut = false;
    qsizetype begin = 0;
    while (begin < text.size()) {
        qsizetype end = text.indexOf(u'\n', begin);
        if (end < 0)
            end = text.size();
        if (end - begin > most) {
            if (!cut)
                result.reserve(text.size());
            cut = true;
        }
        result += QStringView(text).mid(begin, std::min<qsizetype>(end - begin, most));
        if (end - begin > most)
            result += u'…';
        if (end < text.size())
            result += u'\n';
        begin = end + 1;
    }
    if (cut)
        text = result;
    return cut;
}

KSyntaxHighlighting::Definition definition_of(const KSyntaxHighlighting::Repository& repository,
                                              const QString& path, const QByteArray& bytes) {
    const QString name = path.section(u'/', -1);
    if (auto found = repository.definitionForFileName(name); found.isValid())
        return found;
    if (bytes.startsWith("#!")) {
        const QByteArray line = bytes.left(bytes.indexOf('\n'));
        for (const auto& [word, language] :
             {std::pair{"python", "Python"}, std::pair{"perl", "Perl"}, std::pair{"bash", "Bash"},
              std::pair{"sh", "Bash"}, std::pair{"ruby", "Ruby"},
              std::pair{"node", "JavaScript"}}) {
            if (line.contains(word))
                return repository.definitionForName(QString::fromLatin1(language));
        }
    }
    const QMimeType type = QMimeDatabase().mimeTypeForFileNameAndData(name, bytes);
    return repository.definitionForMimeType(type.name());
}

} // namespace

void FilePreview::show_file(const erofs::Node& node) {
    as_hex_->show();
    if (node.size == 0) {
        show_sentence(tr("This file is empty."));
        return;
    }
    const Result<QByteArray> bytes = workspace_.read_file(*node_, 0, limit_);
    if (!bytes) {
        const bool missing = bytes.error().code == Code::not_found;
        const QString what = error_text(bytes.error());
        show_sentence(
            missing ? tr("The bytes of this file are not here: %1.\n\nOpen the image again and "
                         "name the file that holds the blob.")
                          .arg(what)
                    : tr("This file can't be read: %1.\n\nThe findings say what is wrong with the "
                         "image.")
                          .arg(what));
        return;
    }
    as_hex_->setVisible(!is_binary(*bytes)); // which has no other way
    if (as_hex_->isChecked() || is_binary(*bytes))
        show_hex();
    else
        show_text(*bytes);
}

void FilePreview::show_hex() {
    const std::uint64_t size = workspace_.image()->index.node(*node_).size;
    caption_->setText(exact_size_text(size));
    hex_->set_source({0, size}, [this, node = *node_](std::uint64_t offset, std::uint64_t length) {
        return workspace_.read_file(node, offset, length);
    });
    pages_->setCurrentWidget(hex_);
}

void FilePreview::show_text(const QByteArray& bytes) {
    const std::uint64_t size = workspace_.image()->index.node(*node_).size;
    const auto read = static_cast<std::uint64_t>(bytes.size());
    rest_ = decoded(bytes);
    rest_at_ = 0;
    const bool cut = cut_lines(rest_, most_line);
    const bool coloured = read <= most_coloured;
    QStringList facts;
    facts.push_back(read < size ? tr("first %1 of %2").arg(size_text(read), size_text(size))
                                : size_text(size));
    if (cut)
        facts.push_back(tr("long lines are cut"));
    if (!coloured)
        facts.push_back(tr("without colours: too long"));
    text_->clear();
    colours_->setDefinition(coloured ? definition_of(*repository_, path_->text(), bytes)
                                     : KSyntaxHighlighting::Definition());
    if (coloured && colours_->definition().isValid())
        facts.push_back(colours_->definition().translatedName());
    caption_->setText(facts.join(QStringLiteral(" · ")));
    more_->setVisible(read < size && limit_ < most_read);
    pages_->setCurrentWidget(text_);
    add_piece();
    if (rest_at_ < rest_.size())
        pieces_.start();
}

// Lines go in a few at a time, each piece coloured as it comes, so that the window stays awake.
void FilePreview::add_piece() {
    qsizetype end = std::min(rest_.size(), rest_at_ + piece);
    if (end < rest_.size()) {
        const qsizetype line = rest_.indexOf(u'\n', end);
        end = line < 0 ? rest_.size() : line + 1;
    }
    QTextCursor cursor(text_->document());
    cursor.movePosition(QTextCursor::End);
    cursor.insertText(rest_.mid(rest_at_, end - rest_at_));
    rest_at_ = end;
    if (rest_at_ < rest_.size())
        return;
    pieces_.stop();
    rest_.clear();
    rest_at_ = 0;
}

} // namespace coldscope::app
