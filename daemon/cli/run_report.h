// What a run says on standard output: a line for each request and a summary, or JSON, one event a
// line; quiet, of requests only those that are held or delayed.
#pragma once

#include "core/request/request.h"
#include "daemon/cli/output.h"
#include "daemon/run/run.h"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace coldscope::cli {

class RunReport {
public:
    RunReport(bool json, bool quiet, Output& output)
        : json_(json), quiet_(quiet), output_(output) {}

    // False when nobody reads the output any more.
    bool ready(const Run& run);
    // Before the step that it belongs to.
    bool fact(const Fact& fact);
    bool step(const Run& run, const StepRecord& record);
    bool lost_events(std::uint64_t count);
    bool rule(std::uint32_t id, const std::string& text);
    bool rules(const Run& run);
    bool command_error(const std::string& line, const Error& error);
    bool summary(const Run& run, std::uint64_t lost_events);

private:
    bool step_json(const Run& run, const StepRecord& record);
    bool origin_json(const Run& run, const StepRecord& record);
    bool held_text(const Run& run, const StepRecord& record);
    bool ended_text(const Run& run, const Request& request);
    [[nodiscard]] std::string since_start(Nanoseconds time) const;
    [[nodiscard]] std::string files(const Run& run, ObjectId object, std::uint64_t offset,
                                    std::uint64_t length) const;

    bool json_;
    bool quiet_;
    Output& output_;
    RequestLog log_;
    Nanoseconds started_ = 0;
    std::unordered_map<RequestId, ReadFor> origins_; // of requests that have not arrived here yet
    std::uint64_t asked_through_ = 0;                // requests that came through another mount
    std::unordered_map<RequestId, std::string> failures_;    // of requests that have not ended here
    std::unordered_map<ObjectId, std::string> quoted_names_; // as JSON strings
};

// Three digits and the unit that suits: "812 us", "1.25 ms".
[[nodiscard]] std::string duration_text(Nanoseconds time);
// "4 KiB", "1.5 MiB".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

} // namespace coldscope::cli
