// How a person starts the programs.
#pragma once

#include <QString>

namespace coldscope::app {

// What is typed to start a program: its name; where Coldscope runs from an AppImage, that file's
// name, with the program's own behind unless it is the window's.
[[nodiscard]] QString command_name(const QString& program);

} // namespace coldscope::app
