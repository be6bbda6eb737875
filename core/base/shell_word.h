// Words of a command that a person copies into a shell.
#pragma once

#include <string>
#include <string_view>

namespace coldscope {

// As a POSIX shell reads it back: itself where nothing in it means anything to one, else in single
// quotes. Any bytes but NUL.
[[nodiscard]] std::string shell_word(std::string_view word);

} // namespace coldscope
