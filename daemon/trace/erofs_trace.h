// Which file the kernel's EROFS was reading when it asked: its tracepoints erofs_readahead and
// erofs_read_folio are passed in the reader's thread just before the question. Belongs to the ring
// thread, but for only().
#pragma once

#include "core/base/clock.h"
#include "daemon/trace/tracepoint.h"

#include <optional>
#include <string_view>
#include <unordered_map>

namespace coldscope {

class ErofsTrace {
public:
    struct Read {
        std::uint64_t nid = 0;
        std::uint64_t offset = 0; // bytes
        std::uint64_t length = 0;
        Nanoseconds time = 0;
    };

    static constexpr std::string_view readahead_name = "erofs/erofs_readahead";
    static constexpr std::string_view read_folio_name = "erofs/erofs_read_folio";

    // One of the two on one processor; as Tracepoint::add().
    [[nodiscard]] Result<void> add(std::string_view name, Fd event, std::string_view format);
    // Any thread: of this EROFS mount alone ("major:minor", as in mount_on()); before, of all.
    void only(std::string_view device) const;

    // The newest that is known of the thread.
    [[nodiscard]] std::optional<Read> last_read(std::uint32_t thread);

private:
    void take(const Tracepoint::Passed& passed, std::uint64_t pages);

    Tracepoint readahead_;
    Tracepoint read_folio_;
    std::unordered_map<std::uint32_t, Read> reads_; // by thread
};

} // namespace coldscope
