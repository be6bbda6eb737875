// What is in the chosen file: text with its syntax, bytes in hex, names of a directory, the target
// of a link. Read from image and blobs, never through a mount, and only while it is shown.
#pragma once

#include "app/run/workspace.h"
#include "app/style/frame_gate.h"

#include <QTimer>
#include <QWidget>
#include <memory>
#include <optional>

class QLabel;
class QListWidget;
class QPlainTextEdit;
class QPushButton;
class QStackedWidget;
class QToolButton;

namespace KSyntaxHighlighting {
class Repository;
class SyntaxHighlighter;
} // namespace KSyntaxHighlighting

namespace coldscope::app {

class HexView;

class FilePreview final : public QWidget {
    Q_OBJECT

public:
    static constexpr std::uint64_t first_read = 256 * 1024;     // bytes
    static constexpr std::uint64_t most_read = 4 * 1024 * 1024; // of text
    static constexpr std::uint64_t most_coloured = 1024 * 1024; // more is plain
    static constexpr int most_line = 2000;                      // characters; longer is cut
    static constexpr std::size_t most_names = 5000;             // of a directory

    explicit FilePreview(Workspace& workspace, QWidget* parent = nullptr);
    ~FilePreview() override;

    enum class Page { sentence, text, hex, names };
    [[nodiscard]] Page page() const;
    [[nodiscard]] QString sentence() const;
    [[nodiscard]] QString caption() const;
    [[nodiscard]] QPlainTextEdit& text() { return *text_; }
    [[nodiscard]] HexView& hex() { return *hex_; }
    // Looks at the selection now; text may still come in after it, piece by piece.
    void refresh_now();
    [[nodiscard]] bool loading() const { return pieces_.isActive(); }

protected:
    void changeEvent(QEvent* event) override;

private:
    void refresh();
    void show_node();
    void show_file(const erofs::Node& node);
    void show_directory(const erofs::Node& node);
    void show_link(const erofs::Node& node);
    void show_text(const QByteArray& bytes);
    void show_hex();
    void show_sentence(const QString& sentence);
    void add_piece();
    void set_theme();

    Workspace& workspace_;
    std::optional<erofs::NodeId> node_;
    std::uint64_t limit_ = first_read;
    QString rest_; // text that is not in the editor yet
    qsizetype rest_at_ = 0;

    QLabel* path_;
    QLabel* caption_;
    QPushButton* more_;
    QToolButton* as_hex_;
    QStackedWidget* pages_;
    QLabel* sentence_;
    QPlainTextEdit* text_;
    HexView* hex_;
    QListWidget* names_;
    QTimer pieces_;
    std::unique_ptr<KSyntaxHighlighting::Repository> repository_;
    KSyntaxHighlighting::SyntaxHighlighter* colours_; // the document's
    FrameGate gate_;
};

} // namespace coldscope::app
