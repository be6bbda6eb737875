// File dialogs that never enter the run's own mount: the window must not wait for itself.
#pragma once

#include "app/run/workspace.h"

#include <QString>

class QWidget;

namespace coldscope::app {

// Empty when nothing was chosen. beside: where the dialog begins; the demo's folder is not.
[[nodiscard]] QString choose_file(QWidget* parent, const Workspace& workspace, const QString& title,
                                  const QString& beside);
[[nodiscard]] QString choose_folder(QWidget* parent, const Workspace& workspace,
                                    const QString& title, const QString& beside);
// A path in the mount of the run that is on.
[[nodiscard]] bool in_own_mount(const Workspace& workspace, const QString& path);

} // namespace coldscope::app
