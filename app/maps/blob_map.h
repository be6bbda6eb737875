// A device as a grid of blocks, with what is chosen outlined in it.
#pragma once

#include "app/maps/blob_grid.h"

#include <QWidget>

class QComboBox;
class QToolButton;

namespace coldscope::app {

class Legend;

class BlobMap final : public QWidget {
    Q_OBJECT

public:
    explicit BlobMap(Workspace& workspace, QWidget* parent = nullptr);

    [[nodiscard]] BlobGrid& grid() { return *grid_; }

private:
    void list_devices();
    void show_legend();
    void show_view();

    Workspace& workspace_;
    QWidget* bar_ = nullptr; // over the grid
    QComboBox* device_;
    QComboBox* overlay_;
    QToolButton* closer_;
    QToolButton* wider_;
    QToolButton* whole_;
    BlobGrid* grid_;
    Legend* legend_;
};

} // namespace coldscope::app
