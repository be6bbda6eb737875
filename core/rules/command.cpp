#include "core/rules/command.h"

#include "core/rules/words.h"

#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace coldscope {

namespace {

template <typename T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

// Numbers above 511 are the kernel's own: it takes them from no daemon, and the reader would wait
// on.
std::optional<int> parse_errno(std::string_view text) {
    if (const int known = errno_by_name(text); known != 0)
        return known;
    if (const auto value = number<int>(text); value && *value > 0 && *value < 512)
        return value;
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
std::optional<Result<void>> take_match(Command& command, const Word& token) {
    const std::size_t equals = token.text.find('=');
    if (equals == std::string::npos)
        return std::nullopt;
    const std::string_view key = std::string_view(token.text).substr(0, equals);
    const std::string_view value = std::string_view(token.text).substr(equals + 1);
    const auto wrong = [&](std::string_view expected) -> Result<void> {
        return failure(Code::invalid, fmt::format("{}= takes {}, not '{}'", key, expected, value),
                       token.at);
    };
    const auto twice = [&]() -> Result<void> {
        return failure(Code::invalid, fmt::format("{}= is given twice", key), token.at);
    };
    const auto take_text = [&](std::string& into) -> Result<void> {
        if (!into.empty())
            return twice();
        into = value;
        return {};
    };
    if (value.empty())
        return wrong("a value");
    if (key == "file")
        return take_text(command.file);
    if (key == "object")
        return take_text(command.object);
    if (key == "command")
        return take_text(command.command);
    if (key == "pid") {
        if (command.pid)
            return twice();
        command.pid = number<std::uint32_t>(value);
        return command.pid ? Result<void>{} : wrong("a number");
    }
    if (key == "range") {
        if (command.range)
            return twice();
        command.range = parse_range(value);
        return command.range ? Result<void>{} : wrong("OFFSET+LENGTH in bytes");
    }
    if (key == "op") {
        if (command.op)
            return twice();
        if (value != name(Op::read) && value != name(Op::open))
            return wrong("read or open");
        command.op = value == name(Op::read) ? Op::read : Op::open;
        return Result<void>{};
    }
    return failure(Code::invalid,
                   fmt::format("'{}=' is none of file= object= range= pid= command= op=", key),
                   token.at);
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
    if (word == "prefetch")
        return Verb::prefetch;
    if (word == "amplify")
        return Verb::amplify;
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
           command.range || command.pid || command.op;
}

// amplify SIZE
Result<void> take_amplify(Command& command, const std::vector<Word>& tokens, std::size_t end) {
    if (tokens.size() < 2)
        return failure(Code::invalid, "amplify takes a size such as 1M, or 0", end);
    if (tokens.size() > 2)
        return failure(Code::invalid, fmt::format("'{}' is not understood here", tokens[2].text),
                       tokens[2].at);
    const auto size = parse_amplify(tokens[1].text);
    if (!size)
        return failure(Code::invalid, size.error().context, tokens[1].at);
    command.bytes = *size;
    return {};
}

// RATE, or `stop`; false when the word is neither.
bool take_prefetch(Command& command, const std::string& word) {
    if (word == "stop") {
        const bool first = !command.end;
        command.end = true;
        return first;
    }
    const auto rate = parse_size(word.ends_with("/s") ? word.substr(0, word.size() - 2) : word);
    if (!rate || *rate == 0 || command.bytes != 0)
        return false;
    command.bytes = *rate;
    return true;
}

// What is wrong with the command as a whole; offset: the line's end, where more is wanted.
Result<void> complete(Command& command, std::size_t end) {
    const auto wrong = [end](std::string sentence) -> Result<void> {
        return failure(Code::invalid, std::move(sentence), end);
    };
    const bool by_id = command.id.has_value();
    const bool many = has_match(command) || command.all || command.count != 0;
    if (by_id && many)
        return wrong("a number already says which: no next, all or match beside it");
    if (command.all && command.count != 0)
        return wrong("next or all, not both");
    switch (command.verb) {
    case Verb::hold:
        if (by_id)
            return wrong("hold takes next, all or a match: a request that has arrived can't be "
                         "held any more");
        if (!many)
            return wrong("hold what? next, all, or a match such as file=PATH");
        break;
    case Verb::release:
        if (has_match(command) || command.count != 0 || (!by_id && !command.all))
            return wrong("release takes a request's number, or all");
        break;
    case Verb::delay:
        if (command.delay == 0)
            return wrong("delay takes a time such as 500ms");
        break;
    case Verb::fail:
        if (!by_id && !many)
            return wrong("fail what? a request's number, next, all, or a match");
        if (command.partial && command.error != 0)
            return wrong("an errno or partial, not both");
        if (command.error == 0)
            command.error = EIO;
        break;
    case Verb::prefetch:
        if (by_id || command.count != 0 || !command.command.empty() || command.pid)
            return wrong("prefetch takes all, file= or object=, with range= if wanted, or stop");
        if (command.end && (many || command.bytes != 0))
            return wrong("prefetch stop stands alone");
        if (command.all && has_match(command))
            return wrong("all already says which: no file=, object= or range= beside it");
        if (!command.file.empty() && !command.object.empty())
            return wrong("file= or object=, not both");
        if (!command.end && !command.all && command.file.empty() && command.object.empty())
            return wrong("prefetch what? all, file=PATH or object=NAME");
        break;
    case Verb::amplify: // take_amplify() says what is wrong
        break;
    case Verb::clear:
        if (has_match(command) || command.count != 0)
            return wrong("clear takes a rule's number, or nothing for all");
        break;
    case Verb::rules:
    case Verb::stop:
        if (by_id || many)
            return wrong("rules and stop stand alone");
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

Result<std::uint64_t> parse_amplify(std::string_view text) {
    constexpr std::uint64_t least = 4096;
    constexpr std::uint64_t most = 16u << 20;
    COLDSCOPE_TRY(const std::uint64_t size, parse_size(text));
    if (size != 0 && (!std::has_single_bit(size) || size < least || size > most))
        return failure(Code::invalid,
                       fmt::format("'{}' is no size to fetch at once: a power of two from 4K to "
                                   "16M, or 0",
                                   text));
    return size;
}

Result<Command> parse_command(std::string_view line) {
    COLDSCOPE_TRY(const std::vector<Word> tokens, split_words(line));
    if (tokens.empty())
        return failure(Code::invalid, "an empty command", 0);
    const auto verb = verb_of(tokens[0].text);
    if (!verb)
        return failure(Code::invalid,
                       fmt::format("'{}' is none of hold, release, delay, fail, prefetch, "
                                   "amplify, rules, clear, stop",
                                   tokens[0].text),
                       tokens[0].at);
    Command command;
    command.verb = *verb;
    command.text = line;
    if (command.verb == Verb::amplify) {
        COLDSCOPE_CHECK(take_amplify(command, tokens, line.size()));
        return command;
    }
    bool next = false;
    for (std::size_t i = 1; i < tokens.size(); ++i) {
        const Word& token = tokens[i];
        if (auto matched = take_match(command, token)) {
            COLDSCOPE_CHECK(*matched);
        } else if (token.text == "next" && !next) {
            next = true;
            command.count = 1;
        } else if (token.text == "all") {
            command.all = true;
        } else if (command.verb == Verb::prefetch) {
            if (!take_prefetch(command, token.text))
                return failure(Code::invalid,
                               fmt::format("'{}' is not understood here", token.text), token.at);
        } else if (const auto value = number<std::uint64_t>(token.text);
                   value && (i == 1 || (next && tokens[i - 1].text == "next"))) {
            if (next)
                command.count = *value;
            else
                command.id = value;
        } else if (const auto delay = parse_duration(token.text);
                   delay && command.verb == Verb::delay && command.delay == 0) {
            command.delay = *delay;
        } else if (const auto error = parse_errno(token.text);
                   error && command.verb == Verb::fail && command.error == 0) {
            command.error = *error;
        } else if (token.text == "partial" && command.verb == Verb::fail) {
            command.partial = true;
        } else {
            return failure(Code::invalid, fmt::format("'{}' is not understood here", token.text),
                           token.at);
        }
    }
    if (next && command.count == 0)
        return failure(Code::invalid, "next 0 asks for nothing", line.size());
    COLDSCOPE_CHECK(complete(command, line.size()));
    return command;
}

} // namespace coldscope
