// The Image dock: facts, a search field, and the tree of the opened image.
#pragma once

#include "app/models/tree_model.h"
#include "app/run/workspace.h"

#include <QByteArray>
#include <QTimer>
#include <QWidget>

class QLabel;
class QLineEdit;
class QTreeView;

namespace coldscope::app {

class EmptyState;

class ImageTreeView final : public QWidget {
    Q_OBJECT

public:
    ImageTreeView(Workspace& workspace, QWidget* parent = nullptr);

    void find_file(); // puts the cursor into the search field
    // Of the columns.
    [[nodiscard]] QByteArray save_state() const;
    void restore_state(const QByteArray& state);

protected:
    bool eventFilter(QObject* object, QEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    void build_tree();
    void show_image();
    void show_chosen();
    void make_room();
    void keep_local_in_sight();
    void choose(const QModelIndex& index);
    void search(bool backwards, bool from_too);
    void activate(const QModelIndex& index);
    void open_menu(const QPoint& at);
    void open_header_menu(const QPoint& at);
    void copy_path();

    Workspace& workspace_;
    TreeModel* model_;
    QLineEdit* search_;
    QLabel* found_;
    QTreeView* tree_;
    EmptyState* empty_;
    QTimer typing_;
    bool following_ = false; // the selection, which is not ours
    bool wanted_ = false;    // what is sought, when the image is read
};

} // namespace coldscope::app
