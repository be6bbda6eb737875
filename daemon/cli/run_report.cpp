#include "daemon/cli/run_report.h"

#include "daemon/run/event_log.h"

#include <array>

#include <fmt/format.h>

namespace coldscope::cli {

using nlohmann::json;

namespace {

constexpr std::size_t most_origins = 4096;

std::string scaled(double value, double factor, std::span<const std::string_view> units) {
    std::size_t unit = 0;
    while (value >= factor && unit + 1 < units.size()) {
        value /= factor;
        ++unit;
    }
    const int digits = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    std::string number = fmt::format("{:.{}f}", value, digits);
    if (number.find('.') != std::string::npos) {
        number.erase(number.find_last_not_of('0') + 1);
        if (number.ends_with('.'))
            number.pop_back();
    }
    return fmt::format("{} {}", number, units[unit]);
}

// Where the kernel does not tell it: "-".
std::string reader_text(std::string_view command, std::uint32_t pid) {
    return pid == 0 ? "-" : fmt::format("{}({})", printable(command), pid);
}

json summary_json(const Summary& summary, const Engine::Traffic& traffic,
                  std::uint64_t lost_events) {
    return {{"requests", summary.requests},
            {"failed", summary.failed},
            {"lost", summary.lost},
            {"held", summary.held},
            {"delayed", summary.delayed},
            {"refaults", summary.refaults},
            {"opened", summary.opened},
            {"bytes_asked", summary.bytes_asked},
            {"bytes_fetched", traffic.fetched},
            {"bytes_missed", traffic.missed},
            {"bytes_amplified", traffic.amplified},
            {"bytes_prefetched", traffic.prefetched},
            {"bytes_unused", traffic.unused},
            {"prefetches", summary.prefetches},
            {"p50_ns", summary.p50},
            {"p95_ns", summary.p95},
            {"max_ns", summary.max},
            {"lost_events", lost_events}};
}

} // namespace

std::string duration_text(Nanoseconds time) {
    static constexpr std::array<std::string_view, 4> units{"ns", "us", "ms", "s"};
    return scaled(static_cast<double>(time), 1000, units);
}

std::string size_text(std::uint64_t bytes) {
    static constexpr std::array<std::string_view, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
    return scaled(static_cast<double>(bytes), 1024, units);
}

std::string RunReport::since_start(Nanoseconds time) const {
    const double seconds_since = static_cast<double>(time > started_ ? time - started_ : 0) / 1e9;
    return fmt::format("{:10.6f}", seconds_since);
}

std::string RunReport::files(const Run& run, ObjectId object, std::uint64_t offset,
                             std::uint64_t length) const {
    constexpr std::size_t shown = 3;
    if (object >= first_file_object)
        return {}; // the object is the file
    std::string text;
    const auto paths = run.files_at(object, offset, length, shown + 1);
    for (std::size_t i = 0; i < paths.size(); ++i)
        text += i == shown ? ", …" : fmt::format("{}{}", i == 0 ? "" : ", ", paths[i]);
    if (text.empty())
        return object == 0 && run.has_image() ? "; metadata" : "";
    return "; " + text;
}

bool RunReport::ready(const Run& run) {
    started_ = monotonic_now();
    if (json_) {
        json event{{"event", "ready"},
                   {"time", started_},
                   {"transport", name(run.transport())},
                   {"simulated", run.simulated()},
                   {"guarded", run.guarded()},
                   {"traced", run.traced()},
                   {"shares", run.shares()},
                   {"image", json_text(run.options().image)},
                   {"mount", json_text(run.options().mount_point)},
                   {"cache", json_text(run.options().cache)}};
        if (!run.has_image())
            event["from"] = json_text(run.options().from);
        return output_.line(event.dump());
    }
    const std::string ready =
        !run.has_image()  ? fmt::format("ready: objects of {} by {}, kept in {}{}",
                                        run.options().from, name(run.transport()),
                                        run.options().cache, run.guarded() ? "" : ", unguarded")
        : run.simulated() ? fmt::format("ready: {} on a SIMULATED kernel: nothing is mounted",
                                        run.options().image)
                          : fmt::format("ready: {} on {} by {}{}{}", run.options().image,
                                        run.options().mount_point, name(run.transport()),
                                        run.options().buffered ? ", buffered" : "",
                                        run.guarded() ? "" : ", unguarded");
    return output_.line(ready) &&
           (quiet_ ||
            output_.line("   seconds  request  reader                size  object and offset; "
                         "what happened; files"));
}

bool RunReport::fact(const Fact& fact) {
    asked_through_ += std::holds_alternative<AskedThrough>(fact) ? 1 : 0;
    if (quiet_)
        return true;
    if (const auto* failure = std::get_if<Failure>(&fact)) {
        if (json_)
            return output_.line(json{{"event", "failure"},
                                     {"request", failure->request},
                                     {"why", json_text(failure->why)}}
                                    .dump());
        failures_[failure->request] = failure->why;
        return true;
    }
    if (const auto* through = std::get_if<AskedThrough>(&fact)) {
        if (json_)
            return output_.line(json{{"event", "asked_through"},
                                     {"request", through->request},
                                     {"file", json_text(through->file)},
                                     {"mount", json_text(through->mount)}}
                                    .dump());
        return output_.line(
            fmt::format("            #{:<6}  asked through {}, served by this image",
                        through->request, printable(through->file)));
    }
    if (!json_)
        return true;
    if (const auto* origin = std::get_if<ReadFor>(&fact)) {
        if (origins_.size() == most_origins)
            origins_.clear();
        origins_[origin->request] = *origin;
        return true;
    }
    if (const auto* kernel = std::get_if<KernelTime>(&fact)) {
        const bool asked = kernel->passed == KernelTime::Passed::asked;
        return output_.line(fmt::format(R"({{"event":"{}","request":{},"time":{}}})",
                                        asked ? "asked" : "resumed", kernel->request,
                                        kernel->time));
    }
    const auto& reader = std::get<ReaderFacts>(fact);
    return output_.line(json{{"event", "reader"},
                             {"pid", reader.thread},
                             {"process", reader.process},
                             {"cgroup", json_text(reader.cgroup)},
                             {"container", json_text(std::string(container_id(reader.cgroup)))}}
                            .dump());
}

bool RunReport::step(const Run& run, const StepRecord& record) {
    const std::optional<Request> ended = log_.take(record);
    const bool waits = record.step == Step::held || record.step == Step::delayed;
    if (quiet_ && !waits && record.step != Step::notice)
        return true;
    if (json_)
        return step_json(run, record);
    if (record.step == Step::notice) {
        const std::string_view what = describe(static_cast<Notice>(record.result));
        return output_.line(
            record.request == 0
                ? fmt::format("{}  {}", since_start(record.time), what)
                : fmt::format("{}  #{}: {}", since_start(record.time), record.request, what));
    }
    if (waits)
        return held_text(run, record);
    return !ended || ended_text(run, *ended);
}

bool RunReport::step_json(const Run& run, const StepRecord& record) {
    if (record.step == Step::notice)
        return output_.line(event_line(record, {}));
    if (record.step == Step::arrived && !origin_json(run, record))
        return false;
    auto quoted = quoted_names_.find(record.object);
    if (quoted == quoted_names_.end())
        quoted =
            quoted_names_.emplace(record.object, json_string(run.object_name(record.object))).first;
    return output_.line(event_line(record, quoted->second));
}

bool RunReport::origin_json(const Run& run, const StepRecord& record) {
    const auto node = origins_.extract(record.request);
    if (node.empty())
        return true;
    const ReadFor& origin = node.mapped();
    const std::string file = run.file_of(origin, record.object, record.offset, record.length);
    return file.empty() || output_.line(json{{"event", "origin"},
                                             {"request", origin.request},
                                             {"file", json_text(file)},
                                             {"offset", origin.offset},
                                             {"length", origin.length}}
                                            .dump());
}

bool RunReport::held_text(const Run& run, const StepRecord& record) {
    return output_.line(fmt::format(
        "{}  #{:<6}  {:<20} {:>8}  {} at {}: {}; release {} | delay {} 1s | fail {} EIO{}",
        since_start(record.time), record.request, reader_text(record.command_name(), record.pid),
        size_text(record.length), printable(run.object_name(record.object)), record.offset,
        record.step == Step::held ? "HELD" : "DELAYED", record.request, record.request,
        record.request, printable(files(run, record.object, record.offset, record.length))));
}

bool RunReport::ended_text(const Run& run, const Request& request) {
    std::string what;
    if (request.lost)
        what = (request.flags & flag::background) != 0 ? "did not come before the end"
                                                       : "lost: nobody waits any more";
    else if (request.result != 0)
        what = fmt::format("FAILED {}", errno_name(request.result));
    if (const auto failure = failures_.extract(request.id); !failure.empty() && !request.lost)
        what += fmt::format(" ({})", printable(failure.mapped()));
    else if (request.op != Op::read)
        what = request.op == Op::open ? "opened" : "closed";
    else if ((request.flags & flag::refault) != 0)
        what = "local already";
    else if ((request.flags & flag::joined) != 0)
        what = "joined a fetch";
    else if ((request.flags & flag::amplified) != 0)
        what = fmt::format("amplified {}", size_text(request.fetched));
    else if ((request.flags & flag::prefetch) != 0)
        what = fmt::format("prefetched {}", size_text(request.fetched));
    else
        what = fmt::format("fetched {}", size_text(request.fetched));
    if ((request.flags & flag::partial) != 0)
        what += ", partly on purpose";
    if (request.held != 0)
        what += ", held";
    if (request.delayed != 0)
        what += ", delayed";
    if ((request.flags & flag::own) != 0)
        what += ", for the mount";
    if ((request.flags & flag::observer) != 0)
        what += ", for the observer";
    const std::string reader = (request.flags & flag::background) != 0
                                   ? request.command
                                   : reader_text(request.command, request.pid);
    return output_.line(fmt::format(
        "{}  #{:<6}  {:<20} {:>8}  {} at {}; {} in {}{}", since_start(request.arrived), request.id,
        reader, size_text(request.length), printable(run.object_name(request.object)),
        request.offset, what, duration_text(request.ended - request.arrived),
        printable(files(run, request.object, request.offset, request.length))));
}

bool RunReport::lost_events(std::uint64_t count) {
    return json_ ? output_.line(json{{"event", "lost_events"}, {"count", count}}.dump())
                 : output_.line(fmt::format("lost {} events: the output is too slow", count));
}

bool RunReport::rule(std::uint32_t id, const std::string& text) {
    return json_
               ? output_.line(json{{"event", "rule"}, {"id", id}, {"text", json_text(text)}}.dump())
               : output_.line(fmt::format("rule {}: {}", id, text));
}

bool RunReport::rules(const Run& run) {
    bool reading = true;
    if (run.rules().empty() && !json_)
        return output_.line("no rules");
    for (const Run::RuleText& one : run.rules())
        reading = reading && rule(one.id, one.text);
    return reading;
}

bool RunReport::command_error(const std::string& line, const Error& error) {
    if (json_)
        return output_.line(json{{"event", "command_error"},
                                 {"command", json_text(line)},
                                 {"text", json_text(error.context)}}
                                .dump());
    return output_.line(fmt::format("command refused: {}: {}", line, error.context));
}

bool RunReport::summary(const Run& run, std::uint64_t lost_events) {
    const Summary summary = log_.summary();
    const Engine::Traffic& traffic = run.traffic();
    if (json_) {
        json event = summary_json(summary, traffic, lost_events);
        event["event"] = "summary";
        event["transport"] = name(run.transport());
        event["simulated"] = run.simulated();
        if (run.shares()) {
            event["asked_through"] = asked_through_;
            event["askers_unseen"] = run.askers_unseen();
        }
        if (const auto& saved = run.saved()) {
            event["saved_files"] = saved->files;
            event["saved_bytes"] = saved->bytes;
        }
        return output_.line(event.dump());
    }
    const auto line = [&](std::string_view what, const std::string& text) {
        return output_.line(
            fmt::format("{}{:<12} {}", run.simulated() ? "SIMULATED " : "", what, text));
    };
    return output_.line("") && line("transport", std::string(name(run.transport()))) &&
           line("requests", fmt::format("{}: {} fetched or joined, {} local already, {} failed, "
                                        "{} lost",
                                        summary.requests,
                                        summary.requests - summary.refaults - summary.failed -
                                            summary.lost - summary.opened,
                                        summary.refaults, summary.failed, summary.lost)) &&
           line("steered", fmt::format("{} held, {} delayed", summary.held, summary.delayed)) &&
           line("bytes", fmt::format("{} asked for, {} fetched", size_text(summary.bytes_asked),
                                     size_text(traffic.fetched))) &&
           line("fetched",
                fmt::format("{} for misses + {} amplified + {} prefetched = {} bytes; {} "
                            "never asked for",
                            traffic.missed, traffic.amplified, traffic.prefetched, traffic.fetched,
                            traffic.unused)) &&
           (!run.shares() ||
            line("sharing", fmt::format("{} asked through other mounts; of {} it was not seen "
                                        "through which",
                                        asked_through_, run.askers_unseen()))) &&
           (!run.saved() ||
            line("saved", fmt::format("{} of {} files in memory came by other mounts",
                                      size_text(run.saved()->bytes), run.saved()->files))) &&
           line("latency", fmt::format("p50 {}, p95 {}, most {}", duration_text(summary.p50),
                                       duration_text(summary.p95), duration_text(summary.max))) &&
           line("events", fmt::format("{} lost", lost_events));
}

} // namespace coldscope::cli
