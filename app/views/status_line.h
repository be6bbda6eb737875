// The run in one line: requests, who is held and for how long, how much is local, latencies, lost
// events. Looks a few times a second, not at every frame.
#pragma once

#include "app/run/workspace.h"

#include <QLabel>
#include <QTimer>

namespace coldscope::app {

class StatusLine final : public QLabel {
    Q_OBJECT

public:
    explicit StatusLine(Workspace& workspace, QWidget* parent = nullptr);
    // "‖ 2 held 0.8 s"; empty when none is. For the window's title.
    [[nodiscard]] static QString held_text(Workspace& workspace);

private:
    void look();
    Workspace& workspace_;
    QTimer timer_;
};

} // namespace coldscope::app
