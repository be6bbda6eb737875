// Who asks for what through cachefiles, and when, as the kernel's tracepoints have it.
// cachefiles_ondemand_read and cachefiles_prep_read are passed in the reader's thread, just before
// it waits for an answer and once it has gone on. cachefiles_ondemand_open is passed in the thread
// that reads the message, and says which of the kernel's two numbers for an object belong together.
// Belongs to the ring thread once its events are added.
#pragma once

#include "daemon/trace/asked_reads.h"
#include "daemon/trace/tracepoint.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace coldscope {

class CachefilesTrace {
public:
    static constexpr std::array<std::string_view, 3> names{"cachefiles/cachefiles_ondemand_open",
                                                           "cachefiles/cachefiles_ondemand_read",
                                                           "cachefiles/cachefiles_prep_read"};

    // As of AskedReads, as all that is not said here. resumed: called in look() and what calls it.
    CachefilesTrace(bool taken_over, AskedReads::Resumed resumed)
        : reads_(taken_over), resumed_(std::move(resumed)) {}

    // One of the names on one processor; as Tracepoint::add().
    [[nodiscard]] Result<void> add(std::string_view name, Fd event, std::string_view format);
    // Once all are added: reads for which nothing was asked are left out.
    void leave_out_warm() const;

    // Of an OPEN message that this thread has just read: it began to not before `began`.
    void opened(std::uint32_t object, int fd, Nanoseconds began);
    void served(std::uint32_t object) { reads_.served(object); }
    void closed(std::uint32_t object) { reads_.closed(object); }
    void nothing_waits() { reads_.nothing_waits(); }
    [[nodiscard]] std::optional<AskedReads::Asked> match(std::uint32_t object, Range range,
                                                         Nanoseconds began);
    void belongs(const AskedReads::Asked& asked, RequestId request) {
        reads_.belongs(asked, request);
    }
    [[nodiscard]] bool awaits() const { return reads_.awaits(); }
    // Takes what was traced since.
    void look();

private:
    struct Event {
        Nanoseconds time = 0;
        std::uint32_t thread = 0;
        bool asks = false;
        std::uint32_t traced = 0;
        Range range;
    };
    struct Open {
        Nanoseconds time = 0;
        std::uint32_t thread = 0;
        std::uint32_t traced = 0;
        std::uint64_t fd = 0;
    };

    void take_opens();

    Tracepoint open_;
    Tracepoint read_;
    Tracepoint returned_;
    AskedReads reads_;
    AskedReads::Resumed resumed_;
    Open newest_open_;
    std::vector<Event> events_; // of one look
};

} // namespace coldscope
