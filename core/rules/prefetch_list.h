// Lists of what to prefetch, one a line:
//
//   PATH [OFFSET LENGTH]          a file of the image, or everything in a folder
//   object=NAME [OFFSET LENGTH]   bootstrap, or a blob by number or file name
//
// OFFSET and LENGTH in bytes, or as 64K; a name with spaces in double quotes. # begins a comment.
#pragma once

#include "core/base/error.h"
#include "core/rules/command.h"

#include <string_view>
#include <vector>

namespace coldscope {

// As commands, in the list's order; their text is the line. Code::invalid with the byte offset of
// the word that is wrong.
[[nodiscard]] Result<std::vector<Command>> parse_prefetch_list(std::string_view text);

} // namespace coldscope
