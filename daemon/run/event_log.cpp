#include "daemon/run/event_log.h"

#include "core/base/hex.h"
#include "daemon/run/json_text.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace coldscope {

namespace {

using nlohmann::json;

constexpr std::size_t piece = 256 * 1024; // that is read at once
static_assert(piece > longest_event);

constexpr std::array flag_words{
    std::pair{flag::refault, "refault"},   std::pair{flag::joined, "joined"},
    std::pair{flag::own, "own"},           std::pair{flag::by_rule, "by_rule"},
    std::pair{flag::by_hand, "by_hand"},   std::pair{flag::simulated, "simulated"},
    std::pair{flag::prefetch, "prefetch"}, std::pair{flag::amplified, "amplified"},
    std::pair{flag::partial, "partial"},   std::pair{flag::observer, "observer"}};

// The members of one event. The first that is not as it should be is kept as the error.
class Fields {
public:
    explicit Fields(const json& event) : event_(event) {}

    template <typename T>
    T number(const char* key) {
        const auto at = event_.find(key);
        if (at == event_.end() || !at->is_number_integer())
            return wrong<T>(key, "a whole number");
        if (at->is_number_unsigned()) {
            const auto value = at->get<std::uint64_t>();
            return std::in_range<T>(value) ? static_cast<T>(value) : wrong<T>(key, "smaller");
        }
        const auto value = at->get<std::int64_t>();
        return std::in_range<T>(value) ? static_cast<T>(value) : wrong<T>(key, "within its range");
    }
    std::string text(const char* key) {
        const auto at = event_.find(key);
        return at != event_.end() && at->is_string() ? at->get<std::string>()
                                                     : wrong<std::string>(key, "a text");
    }
    bool truth(const char* key) {
        const auto at = event_.find(key);
        if (at == event_.end())
            return false;
        return at->is_boolean() ? at->get<bool>() : wrong<bool>(key, "true or false");
    }
    [[nodiscard]] bool has(const char* key) const {
        const auto at = event_.find(key);
        return at != event_.end() && !at->is_null();
    }
    template <typename T>
    T wrong(const char* key, const char* should) {
        if (error_.empty())
            error_ = fmt::format("\"{}\" must be {}", key, should);
        return T{};
    }
    [[nodiscard]] const std::string& error() const { return error_; }

private:
    const json& event_;
    std::string error_;
};

std::optional<Step> step_by_name(std::string_view word) {
    for (int i = 0; i < static_cast<int>(Step::notice); ++i) {
        if (name(static_cast<Step>(i)) == word)
            return static_cast<Step>(i);
    }
    return std::nullopt;
}

std::string command_bytes(Fields& fields) {
    if (!fields.has("command_hex"))
        return fields.text("command");
    const std::string digits = fields.text("command_hex");
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        const auto digit = [](char c) {
            return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        };
        const int high = digit(digits[i]);
        const int low = digit(digits[i + 1]);
        if (high < 0 || low < 0)
            return fields.wrong<std::string>("command_hex", "hexadecimal digits");
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

StepRecord step_of(Fields& fields, Step step, EventLog& log) {
    StepRecord record;
    record.step = step;
    record.request = fields.number<std::uint64_t>("request");
    record.time = fields.number<std::uint64_t>("time");
    record.object = fields.number<std::uint32_t>("object");
    record.offset = fields.number<std::uint64_t>("offset");
    record.length = fields.number<std::uint64_t>("length");
    record.pid = fields.number<std::uint32_t>("pid");
    const std::string op = fields.text("op");
    if (op == name(Op::open))
        record.op = Op::open;
    else if (op == name(Op::close))
        record.op = Op::close;
    else if (op != name(Op::read))
        fields.wrong<int>("op", "open, read or close");
    if (step == Step::matched)
        record.result = fields.number<std::int32_t>("rule");
    else if (step == Step::answered || step == Step::lost)
        record.result = fields.number<std::int32_t>("result");
    const std::string command = command_bytes(fields);
    const std::size_t length = std::min(command.find('\0'), command.size());
    std::copy_n(command.begin(), std::min(length, record.command.size() - 1),
                record.command.begin());
    for (const auto& [bit, word] : flag_words) {
        if (fields.truth(word))
            record.flags |= bit;
    }
    if (fields.has("object_name") && fields.error().empty())
        log.object_names.try_emplace(record.object, fields.text("object_name"));
    return record;
}

StepRecord notice_of(Fields& fields) {
    StepRecord record;
    record.step = Step::notice;
    record.request = fields.number<std::uint64_t>("request");
    record.time = fields.number<std::uint64_t>("time");
    record.result = fields.number<std::int32_t>("number");
    return record;
}

} // namespace

std::string json_string(std::string_view bytes) {
    const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    if (std::ranges::all_of(bytes, plain)) // most are
        return fmt::format("\"{}\"", bytes);
    return json(json_text(bytes)).dump();
}

std::string event_line(const StepRecord& record, std::string_view quoted_name) {
    if (record.step == Step::notice) {
        const json event{{"event", "notice"},
                         {"time", record.time},
                         {"request", record.request},
                         {"number", record.result},
                         {"text", describe(static_cast<Notice>(record.result))}};
        return event.dump();
    }
    const std::string_view command = record.command_name();
    std::string line = fmt::format(
        R"({{"event":"{}","request":{},"time":{},"op":"{}","object":{},"object_name":{},"offset":{},)"
        R"("length":{},"pid":{},"command":{})",
        name(record.step), record.request, record.time, name(record.op), record.object, quoted_name,
        record.offset, record.length, record.pid, json_string(command));
    if (!valid_utf8(command))
        line += fmt::format(R"(,"command_hex":"{}")", hex(command));
    if (record.step == Step::matched)
        line += fmt::format(R"(,"rule":{})", record.result);
    if (record.step == Step::answered || record.step == Step::lost)
        line += record.result == 0 ? R"(,"result":0)"
                                   : fmt::format(R"(,"result":{},"error":"{}")", record.result,
                                                 errno_name(record.result));
    else
        line += R"(,"result":null)";
    for (const auto& [bit, word] : flag_words) {
        if ((record.flags & bit) != 0)
            line += fmt::format(R"(,"{}":true)", word);
    }
    return line + '}';
}

Result<std::optional<StepRecord>> parse_event(std::string_view line, EventLog& log) {
    if (line.size() > longest_event)
        return failure(Code::corrupt, "a line longer than 64 KiB", longest_event);
    json event;
    try {
        event = json::parse(line);
    } catch (const json::parse_error& error) { // its bytes count from 1
        return failure(Code::corrupt, "no JSON", error.byte == 0 ? 0 : error.byte - 1);
    } catch (const json::exception&) { // a number beyond all ranges
        return failure(Code::corrupt, "no JSON that can be read", 0);
    }
    if (!event.is_object())
        return failure(Code::corrupt, "no JSON object", 0);
    Fields fields(event);
    const std::string kind = fields.text("event");
    std::optional<StepRecord> record;
    if (const auto step = step_by_name(kind)) {
        record = step_of(fields, *step, log);
    } else if (kind == "notice") {
        record = notice_of(fields);
    } else if (kind == "ready") {
        log.image = fields.text("image");
        log.transport = fields.text("transport");
        log.began = fields.number<std::uint64_t>("time");
        log.simulated = fields.truth("simulated");
    } else if (kind == "lost_events") {
        log.lost_events = fields.number<std::uint64_t>("count");
    }
    if (!fields.error().empty())
        return failure(Code::corrupt, fields.error(), 0);
    return record;
}

Result<EventLog> read_event_log(ReadAt& file, const std::function<void(const StepRecord&)>& take) {
    EventLog log;
    std::string buffer;
    std::uint64_t at = 0; // of the buffer's first byte, in the file
    const auto one = [&](std::string_view line, std::uint64_t offset) -> Result<void> {
        ++log.lines;
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos)
            return {};
        const auto record = parse_event(line, log);
        if (!record) {
            Error error = record.error();
            error.offset += offset;
            error.context = fmt::format("line {}: {}", log.lines, error.context);
            return std::unexpected(std::move(error));
        }
        if (*record)
            take(**record);
        return {};
    };
    while (true) {
        const std::uint64_t read = at + buffer.size();
        const auto more =
            static_cast<std::size_t>(std::min<std::uint64_t>(piece, file.size() - read));
        const std::size_t had = buffer.size();
        buffer.resize(had + more);
        COLDSCOPE_CHECK(file.read(read, std::as_writable_bytes(std::span(buffer).subspan(had))));
        std::size_t begin = 0;
        for (std::size_t end = buffer.find('\n', had); end != std::string::npos;
             end = buffer.find('\n', begin)) {
            COLDSCOPE_CHECK(one(std::string_view(buffer).substr(begin, end - begin), at + begin));
            begin = end + 1;
        }
        buffer.erase(0, begin);
        at += begin;
        if (more == 0)
            break;
        if (buffer.size() > longest_event) // has no end yet: parse_event says what is wrong
            COLDSCOPE_CHECK(one(buffer, at));
    }
    // A run that was killed leaves its last line unfinished.
    if (!buffer.empty()) {
        const auto last = one(buffer, at);
        if (!last && log.lines == 1)
            return std::unexpected(last.error());
        log.cut_off = !last;
    }
    return log;
}

} // namespace coldscope
