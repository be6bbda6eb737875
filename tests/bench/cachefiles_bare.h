// The least that serves /dev/cachefiles: one thread that reads a message, copies what it asks for
// from the source into the object, and says so. It keeps nothing and looks at nothing else.
#pragma once

#include "core/base/clock.h"

#include <string>

namespace coldscope::bench {

// Until it is killed. The objects are files of the folder `from`; each read of one takes `latency`.
// Returns only where it can't go on, with what stopped it.
std::string serve_bare(const std::string& cache, const std::string& from, Nanoseconds latency);

} // namespace coldscope::bench
