// A line of words, as people type them: separated by blanks; double quotes keep blanks in a word.
#pragma once

#include "core/base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace coldscope {

struct Word {
    std::string text;   // without quotes
    std::size_t at = 0; // byte in the line
};

// Code::invalid for a quote that is not closed, at its byte.
[[nodiscard]] Result<std::vector<Word>> split_words(std::string_view line);

} // namespace coldscope
