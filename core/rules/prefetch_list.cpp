#include "core/rules/prefetch_list.h"

#include "core/rules/words.h"

#include <algorithm>

namespace coldscope {

namespace {

constexpr std::string_view object_key = "object=";

Result<Command> parse_item(const std::vector<Word>& words, std::string_view line) {
    if (words.size() != 1 && words.size() != 3)
        return failure(Code::invalid,
                       "a line is: PATH [OFFSET LENGTH], or object=NAME [OFFSET LENGTH]",
                       words[0].at);
    Command command;
    command.verb = Verb::prefetch;
    command.text = line;
    if (words[0].text.starts_with(object_key))
        command.object = words[0].text.substr(object_key.size());
    else
        command.file = words[0].text;
    if (command.object.empty() && command.file.empty())
        return failure(Code::invalid, "a name is missing", words[0].at);
    if (words.size() == 1)
        return command;
    const auto number = [](const Word& word) -> Result<std::uint64_t> {
        const auto value = parse_size(word.text);
        if (!value)
            return failure(Code::invalid, value.error().context, word.at);
        return *value;
    };
    COLDSCOPE_TRY(const std::uint64_t offset, number(words[1]));
    COLDSCOPE_TRY(const std::uint64_t length, number(words[2]));
    if (length == 0 || offset > UINT64_MAX - length)
        return failure(Code::invalid, "that is no range", words[2].at);
    command.range = Range{offset, offset + length};
    return command;
}

} // namespace

Result<std::vector<Command>> parse_prefetch_list(std::string_view text) {
    std::vector<Command> commands;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        const auto words = split_words(line.substr(0, line.find('#')));
        if (!words || !words->empty()) {
            auto command =
                words ? parse_item(*words, line) : Result<Command>(std::unexpected(words.error()));
            if (!command) {
                Error error = command.error();
                error.offset += at;
                return std::unexpected(std::move(error));
            }
            commands.push_back(std::move(*command));
        }
        at = end + 1;
    }
    return commands;
}

} // namespace coldscope
