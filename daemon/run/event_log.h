// The log of a run's events: one JSON object a line, as `coldscoped run --json` prints it and
// --events writes it. What is read may be anybody's: every number and length is checked.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/request/step.h"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace coldscope {

// The line of a record, without its end. quoted_name: of the object, as a JSON string; not used for
// notices.
[[nodiscard]] std::string event_line(const StepRecord& record, std::string_view quoted_name);
// Text, or bytes that are none, as a JSON string.
[[nodiscard]] std::string json_string(std::string_view bytes);

// What a log says beside its records.
struct EventLog {
    std::string image; // a path; empty in a log without its first line, as the next two
    std::string transport;
    std::uint64_t began = 0; // CLOCK_MONOTONIC, ns
    bool simulated = false;
    std::map<ObjectId, std::string> object_names;
    std::size_t lines = 0;
    std::uint64_t lost_events = 0; // that the run counted
    bool cut_off = false;          // the last line has no end, and is no event: it was left out
};

inline constexpr std::size_t longest_event = 64 * 1024; // bytes of a line

// One line without its end: the record of a step or notice, nothing for other events. What it says
// of the run goes into the log. Errors: Code::corrupt, the offset is a byte of the line.
[[nodiscard]] Result<std::optional<StepRecord>> parse_event(std::string_view line, EventLog& log);

// A whole file; each record goes to `take`, in the file's order. Reads in pieces of bounded size.
// Errors: those of reading, and Code::corrupt with the line's number in the context and the byte's
// offset in the file.
[[nodiscard]] Result<EventLog> read_event_log(ReadAt& file,
                                              const std::function<void(const StepRecord&)>& take);

} // namespace coldscope
