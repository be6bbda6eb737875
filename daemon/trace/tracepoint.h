// One tracepoint of the kernel on all processors: what its fields held each time it was passed.
#pragma once

#include "core/base/clock.h"
#include "daemon/trace/perf_ring.h"

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope {

// Where a field stands in a tracepoint's bytes.
struct TraceField {
    std::size_t offset = 0;
    std::size_t size = 0; // 0: the kernel has none of this name
};
// Of these names, in their order, from a tracepoint's format file in tracefs. Kernel versions
// differ in it.
[[nodiscard]] std::vector<TraceField> parse_trace_format(std::string_view format,
                                                         std::span<const std::string_view> names);

class Tracepoint {
public:
    struct Passed {
        std::uint32_t thread = 0;
        Nanoseconds time = 0;
        std::span<const std::uint64_t> values; // of the fields, 0 where the kernel lacks one
    };

    // event: of this tracepoint on one more processor, opened as guard::open_trace() does. names:
    // at most 4. Errors: Code::unsupported where the kernel lacks the first `needed` of them.
    [[nodiscard]] Result<void> add(Fd event, std::string_view format,
                                   std::span<const std::string_view> names, std::size_t needed);
    // Any thread: only what this filter lets through, as in tracefs, is kept from now on.
    void filter(const std::string& text) const;
    // Since the last call, of each processor the newest first. False: some were lost, see
    // PerfRing::take().
    bool take(const std::function<void(const Passed&)>& passed);

private:
    std::vector<PerfRing> rings_;
    std::vector<TraceField> fields_;
};

} // namespace coldscope
