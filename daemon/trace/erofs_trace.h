// Which file the kernel's EROFS was reading when it asked: its tracepoints erofs_readahead and
// erofs_read_folio are passed in the reader's thread just before the question. Belongs to the ring
// thread, but for only().
#pragma once

#include "core/base/clock.h"
#include "daemon/trace/perf_ring.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace coldscope {

// Where a tracepoint's fields stand in its bytes, from its format file in tracefs. Kernel versions
// differ.
struct TraceFields {
    struct Field {
        std::size_t offset = 0;
        std::size_t size = 0; // 0: the kernel has none of this name
    };
    Field nid;
    Field page;  // the first
    Field pages; // how many; none: one
};
// Errors: Code::unsupported where a field is missing that is needed.
[[nodiscard]] Result<TraceFields> parse_trace_format(std::string_view text);

class ErofsTrace {
public:
    struct Read {
        std::uint64_t nid = 0;
        std::uint64_t offset = 0; // bytes
        std::uint64_t length = 0;
        Nanoseconds time = 0;
    };

    // event: of a tracepoint on one processor, opened as guard::open_trace() does.
    [[nodiscard]] Result<void> add(Fd event, const TraceFields& fields);
    // Any thread: of this EROFS mount alone ("major:minor", as in mount_on()); before, of all.
    void only(std::string_view device) const;

    // The newest that is known of the thread.
    [[nodiscard]] std::optional<Read> last_read(std::uint32_t thread);

private:
    struct Event {
        PerfRing ring;
        TraceFields fields;
    };
    std::vector<Event> events_;
    std::unordered_map<std::uint32_t, Read> reads_; // by thread
};

} // namespace coldscope
