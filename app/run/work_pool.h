// The threads for what takes long beside the main thread.
#pragma once

#include <QThreadPool>

namespace coldscope::app {

// Not Qt's global pool: its threads paint large areas, and the main thread waits for them, behind
// whatever else was given to them.
[[nodiscard]] QThreadPool& work_pool();

} // namespace coldscope::app
