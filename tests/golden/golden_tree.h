// A real tree of files to make images from: sizes around block borders, holes, equal contents,
// hard links, symbolic links, odd names, owners, times and xattrs; as root, device nodes too.
#pragma once

#include <string>

namespace coldscope::golden {

// Makes the tree in an existing empty folder, with `many` small files in one directory beside the
// rest. Returns what could not be made, for people ("device nodes, ..."); empty: all there.
// Throws std::system_error when the essential part fails.
[[nodiscard]] std::string make_tree(const std::string& folder, int many);

} // namespace coldscope::golden
