#include "daemon/trace/tracepoint.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>

namespace coldscope {

namespace {

constexpr std::size_t most_fields = 4;

std::size_t number_after(std::string_view text, std::string_view key) {
    const std::size_t at = text.find(key);
    std::size_t number = 0;
    if (at != std::string_view::npos)
        std::from_chars(text.data() + at + key.size(), text.data() + text.size(), number);
    return number;
}

std::uint64_t value(const TraceField& field, std::span<const std::byte> bytes) {
    std::uint64_t number = 0; // in this machine's order
    if (field.size <= sizeof number && field.offset <= bytes.size() &&
        field.size <= bytes.size() - field.offset)
        std::memcpy(&number, bytes.data() + field.offset, field.size);
    return number;
}

} // namespace

// A line of it: "\tfield:erofs_nid_t nid;\toffset:16;\tsize:8;\tsigned:0;"
std::vector<TraceField> parse_trace_format(std::string_view format,
                                           std::span<const std::string_view> names) {
    std::vector<TraceField> fields(names.size());
    while (!format.empty()) {
        const std::string_view line = format.substr(0, format.find('\n'));
        format.remove_prefix(std::min(line.size() + 1, format.size()));
        const std::size_t end = line.find(';');
        const std::size_t begin = line.rfind(' ', end);
        if (line.find("field:") == std::string_view::npos || end == std::string_view::npos ||
            begin == std::string_view::npos)
            continue;
        const auto name = std::ranges::find(names, line.substr(begin + 1, end - begin - 1));
        if (name != names.end())
            fields[static_cast<std::size_t>(name - names.begin())] = {number_after(line, "offset:"),
                                                                      number_after(line, "size:")};
    }
    return fields;
}

Result<void> Tracepoint::add(Fd event, std::string_view format,
                             std::span<const std::string_view> names, std::size_t needed) {
    names = names.first(std::min(names.size(), most_fields));
    fields_ = parse_trace_format(format, names);
    for (std::size_t i = 0; i < std::min(needed, fields_.size()); ++i) {
        if (fields_[i].size == 0)
            return failure(Code::unsupported,
                           fmt::format("the kernel's tracepoint has no field {}", names[i]));
    }
    COLDSCOPE_TRY(PerfRing ring, PerfRing::map(std::move(event)));
    rings_.push_back(std::move(ring));
    return {};
}

void Tracepoint::filter(const std::string& text) const {
    for (const PerfRing& ring : rings_)
        ioctl(ring.fd(), PERF_EVENT_IOC_SET_FILTER, text.c_str());
}

bool Tracepoint::take(const std::function<void(const Passed&)>& passed) {
    std::array<std::uint64_t, most_fields> values{};
    const std::function<void(const PerfRing::Sample&)> each = [&](const PerfRing::Sample& sample) {
        for (std::size_t i = 0; i < fields_.size(); ++i)
            values[i] = value(fields_[i], sample.bytes);
        passed({sample.thread, sample.time, std::span(values).first(fields_.size())});
    };
    bool all = true;
    for (PerfRing& ring : rings_)
        all = ring.take(each) && all;
    return all;
}

} // namespace coldscope
