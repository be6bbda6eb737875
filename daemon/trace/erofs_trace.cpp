#include "daemon/trace/erofs_trace.h"

#include "core/base/checked.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace coldscope {

namespace {

constexpr std::size_t most_threads = 4096;
constexpr std::uint64_t page = 4096;

// dev is what only() goes by.
constexpr std::array<std::string_view, 4> readahead_fields{"dev", "nid", "start", "nrpage"};
constexpr std::array<std::string_view, 3> read_folio_fields{"dev", "nid", "index"};

unsigned number(std::string_view text) {
    unsigned value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

Result<void> ErofsTrace::add(std::string_view name, Fd event, std::string_view format) {
    return name == readahead_name
               ? readahead_.add(std::move(event), format, readahead_fields, readahead_fields.size())
               : read_folio_.add(std::move(event), format, read_folio_fields,
                                 read_folio_fields.size());
}

void ErofsTrace::only(std::string_view device) const {
    const std::size_t colon = std::min(device.find(':'), device.size());
    // The kernel's own form of a device number.
    const std::string filter =
        fmt::format("dev == {}", number(device.substr(0, colon)) << 20 |
                                     number(device.substr(std::min(colon + 1, device.size()))));
    readahead_.filter(filter);
    read_folio_.filter(filter);
}

void ErofsTrace::take(const Tracepoint::Passed& passed, std::uint64_t pages) {
    Read& read = reads_[passed.thread];
    const auto offset = checked_mul(passed.values[2], page);
    const auto length = checked_mul(pages, page);
    if (passed.time >= read.time && offset && length)
        read = {passed.values[1], *offset, *length, passed.time};
}

std::optional<ErofsTrace::Read> ErofsTrace::last_read(std::uint32_t thread) {
    if (reads_.size() > most_threads)
        reads_.clear();
    readahead_.take(
        [this](const Tracepoint::Passed& passed) { take(passed, passed.values.back()); });
    read_folio_.take([this](const Tracepoint::Passed& passed) { take(passed, 1); });
    const auto known = reads_.find(thread);
    return known == reads_.end() ? std::nullopt : std::optional(known->second);
}

} // namespace coldscope
