#include "core/rules/command.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace coldscope {

namespace {

struct Token {
    std::string text;
    std::size_t at = 0; // byte in the line
};

Result<std::vector<Token>> split(std::string_view line) {
    std::vector<Token> tokens;
    std::size_t at = 0;
    while (at < line.size()) {
        if (line[at] == ' ' || line[at] == '\t' || line[at] == '\r') {
            ++at;
            continue;
        }
        Token token{{}, at};
        bool quoted = false;
        for (; at < line.size(); ++at) {
            const char c = line[at];
            if (c == '"')
                quoted = !quoted;
            else if (!quoted && (c == ' ' || c == '\t' || c == '\r'))
                break;
            else
                token.text += c;
        }
        if (quoted)
            return failure(Code::invalid, "a quote is not closed", token.at);
        tokens.push_back(std::move(token));
    }
    return tokens;
}

template <typename T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<int> parse_errno(std::string_view text) {
    if (const int known = errno_by_name(text); known != 0)
        return known;
    if (const auto value = number<int>(text); value && *value > 0 && *value < 4096)
        return *value;
    return std::nullopt;
}

std::optional<Range> parse_range(std::string_view text) {
    const std::size_t plus = text.find('+');
    if (plus == std::string_view::npos)
        return std::nullopt;
    const auto offset = parse_size(text.substr(0, plus));
    const auto length = parse_size(text.substr(plus + 1));
    if (!offset || !length || *length == 0 || *offset > UINT64_MAX - *length)
        return std::nullopt;
    return Range{*offset, *offset + *length};
}

// MATCH; nullopt when the token isn't of that form at all.
std::optional<Result<void>> take_match(Command& command, const Token& token) {
    const std::size_t equals = token.text.find('=');
    if (equals == std::string::npos)
        return std::nullopt;
    const std::string_view key = std::string_view(token.text).substr(0, equals);
    const std::string_view value = std::string_view(token.text).substr(equals + 1);
    const auto wrong = [&](std::string_view expected) -> Result<void> {
        return failure(Code::invalid, fmt::format("{}= takes {}, not '{}'", key, expected, value),
                       token.at);
    };
    if (value.empty())
        return wrong("a value");
    if (key == "file") {
        command.file = value;
    } else if (key == "object") {
        command.object = value;
    } else if (key == "command") {
        command.command = value;
    } else if (key == "pid") {
        command.pid = number<std::uint32_t>(value);
        if (!command.pid)
            return wrong("a number");
    } else if (key == "range") {
        command.range = parse_range(value);
        if (!command.range)
            return wrong("OFFSET+LENGTH in bytes");
    } else {
        return failure(Code::invalid,
                       fmt::format("'{}=' is none of file= object= range= pid= command=", key),
                       token.at);
    }
    return Result<void>{};
}

std::optional<Verb> verb_of(std::string_view word) {
    if (word == "hold")
        return Verb::hold;
    if (word == "release")
        return Verb::release;
    if (word == "delay")
        return Verb::delay;
    if (word == "fail")
        return Verb::fail;
    if (word == "rules")
        return Verb::rules;
    if (word == "clear")
        return Verb::clear;
    if (word == "stop")
        return Verb::stop;
    return std::nullopt;
}

bool has_match(const Command& command) {
    return !command.file.empty() || !command.object.empty() || !command.command.empty() ||
           command.range || command.pid;
}

Result<void> complete(Command& command) {
    const bool rule = !command.id;
    const bool whom = has_match(command) || command.all || command.count != 0;
    switch (command.verb) {
    case Verb::hold:
        if (!rule)
            return failure(Code::invalid, "hold takes next, all or a match: a request that has "
                                          "arrived can't be held any more");
        if (!whom)
            return failure(Code::invalid, "hold what? next, all, or a match such as file=PATH");
        break;
    case Verb::release:
        if (rule && !command.all)
            return failure(Code::invalid, "release takes a request's number, or all");
        break;
    case Verb::delay:
        if (command.delay == 0)
            return failure(Code::invalid, "delay takes a time such as 500ms");
        break;
    case Verb::fail:
        if (rule && !whom)
            return failure(Code::invalid, "fail what? a request's number, next, all, or a match");
        if (command.error == 0)
            command.error = EIO;
        break;
    case Verb::rules:
    case Verb::clear:
    case Verb::stop:
        break;
    }
    return {};
}

} // namespace

Result<Nanoseconds> parse_duration(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view unit(end, text.data() + text.size());
    double scale = 0;
    if (unit == "ns")
        scale = 1;
    else if (unit == "us")
        scale = microsecond;
    else if (unit == "ms")
        scale = millisecond;
    else if (unit == "s")
        scale = second;
    const double result = value * scale;
    if (error != std::errc{} || scale == 0 || !std::isfinite(result) || result < 0 || result > 1e18)
        return failure(Code::invalid,
                       fmt::format("'{}' is no time: a number with ns, us, ms or s", text));
    return static_cast<Nanoseconds>(std::llround(result));
}

Result<std::uint64_t> parse_size(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string_view unit(end, text.data() + text.size());
    if (const auto whole = number<std::uint64_t>(text))
        return *whole;
    if (unit.ends_with("iB"))
        unit.remove_suffix(2);
    double scale = 0;
    if (unit == "K")
        scale = 1024;
    else if (unit == "M")
        scale = 1024.0 * 1024;
    else if (unit == "G")
        scale = 1024.0 * 1024 * 1024;
    const double result = value * scale;
    if (error != std::errc{} || scale == 0 || !std::isfinite(result) || result < 0 || result > 9e18)
        return failure(Code::invalid,
                       fmt::format("'{}' is no size: a number, with K, M or G if wanted", text));
    return static_cast<std::uint64_t>(std::llround(result));
}

Result<Command> parse_command(std::string_view line) {
    COLDSCOPE_TRY(const std::vector<Token> tokens, split(line));
    if (tokens.empty())
        return failure(Code::invalid, "an empty command");
    const auto verb = verb_of(tokens[0].text);
    if (!verb)
        return failure(Code::invalid,
                       fmt::format("'{}' is none of hold, release, delay, fail, rules, clear, stop",
                                   tokens[0].text),
                       tokens[0].at);
    Command command;
    command.verb = *verb;
    command.text = line;
    bool next = false;
    for (std::size_t i = 1; i < tokens.size(); ++i) {
        const Token& token = tokens[i];
        if (auto matched = take_match(command, token)) {
            COLDSCOPE_CHECK(*matched);
        } else if (token.text == "next") {
            next = true;
            command.count = 1;
        } else if (token.text == "all") {
            command.all = true;
        } else if (const auto value = number<std::uint64_t>(token.text);
                   value && (i == 1 || (next && tokens[i - 1].text == "next"))) {
            if (next)
                command.count = *value;
            else
                command.id = *value;
        } else if (const auto delay = parse_duration(token.text);
                   delay && command.verb == Verb::delay) {
            command.delay = *delay;
        } else if (const auto error = parse_errno(token.text);
                   error && command.verb == Verb::fail) {
            command.error = *error;
        } else {
            return failure(Code::invalid, fmt::format("'{}' is not understood here", token.text),
                           token.at);
        }
    }
    if (next && command.count == 0)
        return failure(Code::invalid, "next 0 asks for nothing");
    COLDSCOPE_CHECK(complete(command));
    return command;
}

} // namespace coldscope
