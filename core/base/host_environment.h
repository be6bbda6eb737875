// What programs of the host are started with, where this one runs from an AppImage.
#pragma once

#include <string>
#include <vector>

#include <unistd.h>

namespace coldscope {

// This process's environment as it was before the AppImage was started, "NAME=value" each: without
// what the AppImage's runtime sets (APPIMAGE, APPDIR, OWD, ARGV0), and with the values that others
// had before, which are kept in COLDSCOPE_HOST_<NAME>. own: the environment, NULL behind it.
[[nodiscard]] std::vector<std::string> host_environment(char* const* own = environ);

// As execve(2) takes them; of use as long as the words are.
[[nodiscard]] std::vector<char*> exec_list(std::vector<std::string>& words);

} // namespace coldscope
