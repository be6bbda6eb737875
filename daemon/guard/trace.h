// Tracepoints on the kernel's reads, as perf events that the client maps. Root's alone.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace coldscope::guard {

struct Traced {
    Fd event; // samples of thread, CLOCK_MONOTONIC time and the tracepoint's bytes, the newest
              // first
    std::string format; // the tracepoint's format file, which says what stands where in its bytes
};

// name: "system/event", one of a fixed list. Code::io with EPERM for another, with ERANGE past the
// last processor, and with the kernel's reason where it lacks them (CONFIG_TRACEPOINTS,
// CONFIG_PERF_EVENTS).
[[nodiscard]] Result<Traced> open_trace(std::string_view name, std::uint32_t processor);

} // namespace coldscope::guard
