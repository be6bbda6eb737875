// Finds files of an image by a part of their path, one after the other as the tree shows them.
#pragma once

#include "core/erofs/index.h"

#include <optional>
#include <string>

namespace coldscope::app {

// The next in the order of an unfolded tree; the root follows the last.
[[nodiscard]] erofs::NodeId next_in_tree(const erofs::Index& index, erofs::NodeId node);
[[nodiscard]] erofs::NodeId previous_in_tree(const erofs::Index& index, erofs::NodeId node);

// The next node, or the one before, whose path has `part` in it, reaching into its own name, so
// that what lies in a folder is not found for the folder's name. ASCII letters of either case.
// Goes round once, `from` last, or first where it counts too. O(nodes) at worst.
[[nodiscard]] std::optional<erofs::NodeId> find_file(const erofs::Index& index, erofs::NodeId from,
                                                     const std::string& part, bool backwards,
                                                     bool from_too = false);

} // namespace coldscope::app
