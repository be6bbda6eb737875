// How the parts of a request read in tables.
#pragma once

#include "app/run/workspace.h"

#include <QString>

namespace coldscope::app {

[[nodiscard]] QString command_text(const Reader& reader);
// "python3 (412)"; "kernel" when nobody is known.
[[nodiscard]] QString process_text(const Reader& reader);
// "/lib/libfoo.so, /lib/libbar.so, …"; "metadata" for bytes of the bootstrap that are no file's.
// Looks at most at `most` files; the cost is that of the lookup, so only for what is seen.
[[nodiscard]] QString files_text(const Workspace& workspace, const RequestRow& row,
                                 std::size_t most = 2);
// "held", "failed: EIO", "answered"
[[nodiscard]] QString state_text(const EventStore& store, Row row);
// From its start to its end, or to now while it is open.
[[nodiscard]] Nanoseconds took(const RequestRow& row, Nanoseconds now);

} // namespace coldscope::app
