// Where the bytes of the chosen file lie, and how much of them is local.
#pragma once

#include "app/maps/chunk_strip.h"

#include <QWidget>

class QComboBox;
class QLabel;

namespace coldscope::app {

class Legend;

class ChunkMap final : public QWidget {
    Q_OBJECT

public:
    explicit ChunkMap(Workspace& workspace, QWidget* parent = nullptr);

    [[nodiscard]] ChunkStrip& strip() { return *strip_; }
    // Looks at the selection now instead of in the next frame.
    void refresh_now();

private:
    void follow_selection();
    void show_node(erofs::NodeId node);
    void show_local();
    void show_legend();
    [[nodiscard]] bool shows_sharing() const;

    Workspace& workspace_;
    std::optional<erofs::NodeId> node_;
    QLabel* path_;
    QLabel* facts_;
    QComboBox* overlay_;
    ChunkStrip* strip_;
    Legend* legend_;
    FrameGate gate_;
};

} // namespace coldscope::app
