// Labels of less weight, readable on any palette.
#pragma once

class QLabel;

namespace coldscope::app {

// Keeps the label's text in Surface::faint, also when the theme changes.
void make_faint(QLabel* label);

} // namespace coldscope::app
