// Two trees of files, and what a comparison of their images must say.
#pragma once

#include "tests/golden/golden_tools.h"

#include <map>
#include <string>

#include <sys/stat.h>

namespace coldscope::golden {

struct DiffEntry {
    struct stat status {};
    std::string bytes; // a file's bytes, a link's target
    std::map<std::string, std::string> xattrs;
};
using DiffTree = std::map<std::string, DiffEntry>; // by path in the image

[[nodiscard]] DiffTree read_tree(const std::string& folder);
// Makes every sort of change to make_tree()'s tree.
void change_tree(const std::string& tree);
// The list of changes of "coldscoped diff --json --all" against the trees. These three throw
// std::exception.
void compare_changes(const nlohmann::json& diff, const DiffTree& old_tree, const DiffTree& new_tree,
                     bool with_times);
void require(bool condition, const std::string& what);
void write_bytes(const std::string& path, const std::string& bytes);

} // namespace coldscope::golden
