// What a live run needs, asked at once; the last choices are there again.
#pragma once

#include "app/run/launcher.h"
#include "daemon/transport/offer.h"

#include <QDialog>
#include <optional>
#include <vector>

class QCheckBox;
class QComboBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QToolButton;
class QVBoxLayout;

namespace coldscope::app {

class StartDialog final : public QDialog {
    Q_OBJECT

public:
    StartDialog(Workspace& workspace, const Choice& choice, QWidget* parent = nullptr);
    [[nodiscard]] Choice choice() const;

private:
    struct Line; // a text field with a button that browses
    QWidget* path_line(QLineEdit*& field, bool folder, const QString& name);
    void fill_transports();
    void show_asked(const Choice& now); // what starting asks somebody for
    void look_at_image();               // the blobs that it needs, or why it is none
    void look_at_fields();              // whether it can start, and if not, why
    void show_blob_lines(const QStringList& names, const QStringList& paths);

    Workspace& workspace_;
    Choice given_;
    QString looked_at_;
    QString image_error_;
    std::optional<erofs::Superblock> super_; // of the image, while it is one
    QLineEdit* image_;
    QLabel* image_facts_;
    QVBoxLayout* blobs_;
    QLabel* blobs_label_;
    std::vector<QLineEdit*> blob_fields_;
    std::vector<Offer> offers_;
    QComboBox* transport_;
    QLabel* reason_;
    QLineEdit* latency_;
    QLineEdit* jitter_;
    QLineEdit* bandwidth_;
    QCheckBox* buffered_;
    QLineEdit* share_domain_;
    bool may_share_ = true; // the kernel has inode_share, or it can't be known
    QLineEdit* mount_;
    QLineEdit* cache_;
    QLineEdit* reads_;
    QLineEdit* command_;
    QLabel* error_;
    QLabel* asks_; // beside the button
    QPushButton* start_;
};

// Words as a shell line that QProcess::splitCommand() takes apart again.
[[nodiscard]] QString joined_command(const QStringList& words);

} // namespace coldscope::app
