#include "core/rules/words.h"

namespace coldscope {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

} // namespace

Result<std::vector<Word>> split_words(std::string_view line) {
    std::vector<Word> words;
    std::size_t at = 0;
    while (at < line.size()) {
        if (is_blank(line[at])) {
            ++at;
            continue;
        }
        Word word{{}, at};
        bool quoted = false;
        for (; at < line.size() && (quoted || !is_blank(line[at])); ++at) {
            if (line[at] == '"')
                quoted = !quoted;
            else
                word.text += line[at];
        }
        if (quoted)
            return failure(Code::invalid, "a quote is not closed", word.at);
        words.push_back(std::move(word));
    }
    return words;
}

} // namespace coldscope
