// A file of events: any bytes give records that are the same when they are written and read again,
// or an error that names a byte of the file.
#include "daemon/run/event_log.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

namespace {

using namespace coldscope;

Result<EventLog> read(std::string_view text, std::vector<StepRecord>& records) {
    MemoryReadAt file(std::as_bytes(std::span(text)));
    return read_event_log(file, [&](const StepRecord& one) { records.push_back(one); });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<StepRecord> records;
    const auto log = read({reinterpret_cast<const char*>(data), size}, records);
    if (!log && (log.error().code != Code::corrupt || log.error().offset > size))
        std::abort();
    std::string text;
    for (const StepRecord& record : records)
        text += event_line(record, "\"name\"") + '\n';
    std::vector<StepRecord> again;
    if (!read(text, again) || again.size() != records.size())
        std::abort();
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (std::memcmp(&records[i], &again[i], sizeof again[i]) != 0)
            std::abort();
    }
    return 0;
}
