// The Sharing dock of two images, driven by its widgets.
#pragma once

#include "app/sharing/sharing_view.h"
#include "tests/models/sharing_images.h"

#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QToolButton>
#include <QTreeView>

namespace coldscope::test {

class ShownSharing {
public:
    ShownSharing() : view(workspace.workspace) {
        view.resize(1100, 420);
        view.show();
        view.activateWindow();
        tree = view.findChild<QTreeView*>();
        for (auto* table : view.findChildren<QTableView*>()) {
            if (table->accessibleName() == "Who has the chosen range")
                holders = table;
        }
    }
    // Both images; false when it did not work.
    [[nodiscard]] bool open() {
        return pair.write() && pair.open(workspace.workspace) && add(pair.path(true));
    }
    [[nodiscard]] bool add(const QString& path) {
        view.add_image(path);
        return settled();
    }
    [[nodiscard]] bool settled() {
        return QTest::qWaitFor([&] { return view.settled(); }, 20'000);
    }
    [[nodiscard]] const app::SharingModel& model() const {
        return *qobject_cast<app::SharingModel*>(tree->model());
    }
    [[nodiscard]] erofs::NodeId node(const char* path, std::size_t image = 0) const {
        return model().predicted()->indices[image]->find(path).value_or(erofs::no_node);
    }
    // Of the line of a path of an image, which is brought into sight.
    [[nodiscard]] QModelIndex cell(const char* path, std::size_t image) {
        const app::Line line = model().predicted()->files.line_of(image, node(path, image));
        const QModelIndex index =
            model().index_of(line, app::SharingModel::strips + static_cast<int>(image));
        tree->scrollTo(index);
        return index;
    }
    // A click in the strip of a file.
    void click(const char* path, std::size_t image, double share) {
        const QRectF strip = app::StripDelegate::strip_rect(tree->visualRect(cell(path, image)));
        QTest::mouseClick(
            tree->viewport(), Qt::LeftButton, {},
            QPointF(strip.left() + strip.width() * share, strip.center().y()).toPoint());
    }
    [[nodiscard]] QAbstractButton* button(const QString& text) const {
        for (auto* button : view.findChildren<QAbstractButton*>()) {
            if (button->text().remove(u'&').startsWith(text))
                return button;
        }
        return nullptr;
    }
    // What some label that is seen says.
    [[nodiscard]] bool says(const QString& text) const {
        for (const QLabel* label : view.findChildren<QLabel*>()) {
            if (label->isVisible() && (label->text() + label->toolTip()).contains(text))
                return true;
        }
        return false;
    }
    [[nodiscard]] QString empty_text() const { return tree->accessibleDescription(); }
    [[nodiscard]] QString holder(int row, int column) const {
        return holders->model()->index(row, column).data().toString();
    }

    OpenedWorkspace workspace;
    ImagePair pair;
    app::SharingView view;
    QTreeView* tree = nullptr;
    QTableView* holders = nullptr;
};

} // namespace coldscope::test
