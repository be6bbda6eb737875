// Pictures as files.
#pragma once

#include <QImage>
#include <QString>

namespace coldscope::app {

// PNG, or another format by the name's ending. What was there stays until all is written. Returns
// what went wrong as a sentence; empty: nothing.
[[nodiscard]] QString save_picture(const QImage& image, const QString& path);

} // namespace coldscope::app
