// EROFS's tracepoints on the kernel's reads, as perf events that the client maps. Root's alone.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <cstdint>
#include <string>

namespace coldscope::guard {

struct Traced {
    Fd event; // samples of thread, CLOCK_MONOTONIC time and the tracepoint's bytes, the newest
              // first
    std::string format; // the tracepoint's format file, which says what stands where in its bytes
};

// number: from 0, one for each tracepoint on each processor. Code::io with ERANGE past the last,
// and with the kernel's reason where it lacks them (CONFIG_TRACEPOINTS, CONFIG_PERF_EVENTS).
[[nodiscard]] Result<Traced> open_trace(std::uint32_t number);

} // namespace coldscope::guard
