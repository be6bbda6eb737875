// What keys and marks mean; version and licence.
#pragma once

class QWidget;

namespace coldscope::app {

void show_keys_and_marks(QWidget* parent);
void show_about(QWidget* parent);

} // namespace coldscope::app
