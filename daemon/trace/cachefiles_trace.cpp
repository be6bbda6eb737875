#include "daemon/trace/cachefiles_trace.h"

#include "core/base/checked.h"

#include <algorithm>

#include <unistd.h>

namespace coldscope {

namespace {

constexpr std::array<std::string_view, 2> open_fields{"obj", "fd"};
constexpr std::array<std::string_view, 3> read_fields{"obj", "start", "len"};
// flags is what leave_out_warm() goes by.
constexpr std::array<std::string_view, 2> returned_fields{"start", "flags"};
// NETFS_SREQ_COPY_TO_CACHE, which cachefiles sets where the cache lacks something. In a kernel
// where it is another bit, when readers go on is not known.
constexpr auto asked_filter = "flags & 1";

} // namespace

Result<void> CachefilesTrace::add(std::string_view name, Fd event, std::string_view format) {
    if (name == names[0])
        return open_.add(std::move(event), format, open_fields, open_fields.size());
    if (name == names[1])
        return read_.add(std::move(event), format, read_fields, read_fields.size());
    return returned_.add(std::move(event), format, returned_fields, returned_fields.size());
}

void CachefilesTrace::leave_out_warm() const {
    returned_.filter(asked_filter);
}

void CachefilesTrace::take_opens() {
    // One that is lost leaves its object's readers unknown.
    (void)open_.take([this](const Tracepoint::Passed& passed) {
        if (passed.time >= newest_open_.time)
            newest_open_ = {passed.time, passed.thread,
                            static_cast<std::uint32_t>(passed.values[0]), passed.values[1]};
    });
}

void CachefilesTrace::opened(std::uint32_t object, int fd, Nanoseconds began) {
    take_opens();
    if (newest_open_.thread == static_cast<std::uint32_t>(gettid()) &&
        newest_open_.fd == static_cast<std::uint64_t>(fd) &&
        newest_open_.time + AskedReads::slack >= began)
        reads_.opened(object, newest_open_.traced);
    else
        reads_.closed(object);
}

std::optional<AskedReads::Asked> CachefilesTrace::match(std::uint32_t object, Range range,
                                                        Nanoseconds began) {
    look();
    return reads_.match(object, range, began);
}

void CachefilesTrace::look() {
    events_.clear();
    // In this order, so that no question is seen without the end of the one before it.
    const bool all_asked = read_.take([this](const Tracepoint::Passed& passed) {
        const auto object = static_cast<std::uint32_t>(passed.values[0]);
        const std::uint64_t begin = passed.values[1];
        const Range range{begin, checked_add(begin, passed.values[2]).value_or(begin)};
        events_.push_back({passed.time, passed.thread, true, object, range});
    });
    const bool all_returned = returned_.take([this](const Tracepoint::Passed& passed) {
        events_.push_back({passed.time, passed.thread, false, 0, {passed.values[0], 0}});
    });
    if (!all_asked)
        reads_.lost_asked();
    else if (!all_returned)
        reads_.lost_returned();
    std::ranges::sort(events_, {}, &Event::time);
    for (const Event& event : events_) {
        if (event.asks)
            reads_.asked(event.thread, event.time, event.traced, event.range);
        else
            reads_.returned(event.thread, event.time, event.range.begin, resumed_);
    }
}

} // namespace coldscope
