#include "daemon/trace/erofs_trace.h"

#include "core/base/checked.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>

namespace coldscope {

namespace {

constexpr std::size_t most_threads = 4096;
constexpr std::uint64_t page = 4096;

std::uint64_t number_after(std::string_view text, std::string_view key) {
    const std::size_t at = text.find(key);
    std::uint64_t number = 0;
    if (at != std::string_view::npos)
        std::from_chars(text.data() + at + key.size(), text.data() + text.size(), number);
    return number;
}

std::uint64_t value(const TraceFields::Field& field, std::span<const std::byte> bytes) {
    std::uint64_t number = 0; // the kernel's own order, which is this machine's
    if (field.size <= sizeof number && field.offset <= bytes.size() &&
        field.size <= bytes.size() - field.offset)
        std::memcpy(&number, bytes.data() + field.offset, field.size);
    return number;
}

} // namespace

// A line of it: "\tfield:erofs_nid_t nid;\toffset:16;\tsize:8;\tsigned:0;"
Result<TraceFields> parse_trace_format(std::string_view text) {
    TraceFields fields;
    bool device = false; // what only() goes by
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t end = line.find(';');
        if (line.find("field:") == std::string_view::npos || end == std::string_view::npos)
            continue;
        const std::size_t begin = line.rfind(' ', end);
        if (begin == std::string_view::npos)
            continue;
        const std::string_view name = line.substr(begin + 1, end - begin - 1);
        const TraceFields::Field field{number_after(line, "offset:"), number_after(line, "size:")};
        if (name == "dev")
            device = true;
        else if (name == "nid")
            fields.nid = field;
        else if (name == "start" || name == "index")
            fields.page = field;
        else if (name == "nrpage")
            fields.pages = field;
    }
    if (!device || fields.nid.size == 0 || fields.page.size == 0)
        return failure(Code::unsupported, "a tracepoint of EROFS lacks a field that is needed");
    return fields;
}

Result<void> ErofsTrace::add(Fd event, const TraceFields& fields) {
    COLDSCOPE_TRY(PerfRing ring, PerfRing::map(std::move(event)));
    events_.push_back({std::move(ring), fields});
    return {};
}

void ErofsTrace::only(std::string_view device) const {
    const std::uint64_t major = number_after(device, "");
    const std::uint64_t minor = number_after(device, ":");
    // The kernel's own form of a device number.
    const std::string filter = fmt::format("dev == {}", major << 20 | minor);
    for (const Event& event : events_)
        ioctl(event.ring.fd(), PERF_EVENT_IOC_SET_FILTER, filter.c_str());
}

std::optional<ErofsTrace::Read> ErofsTrace::last_read(std::uint32_t thread) {
    if (reads_.size() > most_threads)
        reads_.clear();
    for (Event& event : events_) {
        event.ring.take([&](const PerfRing::Sample& sample) {
            Read& read = reads_[sample.thread];
            if (sample.time < read.time)
                return;
            const TraceFields& fields = event.fields;
            const std::uint64_t pages =
                fields.pages.size == 0 ? 1 : value(fields.pages, sample.bytes);
            const auto offset = checked_mul(value(fields.page, sample.bytes), page);
            const auto length = checked_mul(pages, page);
            if (offset && length)
                read = {value(fields.nid, sample.bytes), *offset, *length, sample.time};
        });
    }
    const auto known = reads_.find(thread);
    return known == reads_.end() ? std::nullopt : std::optional(known->second);
}

} // namespace coldscope
