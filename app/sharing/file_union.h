// The paths of several images as one tree: a line for each path that any of them has.
#pragma once

#include "core/erofs/index.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope::app {

using Line = std::uint32_t;

class FileUnion {
public:
    static constexpr Line root = 0;

    FileUnion() = default;
    // The indices are borrowed. O(nodes of all), in order of names.
    explicit FileUnion(std::vector<const erofs::Index*> indices);

    [[nodiscard]] std::size_t size() const { return lines_.size(); }
    [[nodiscard]] Line parent(Line line) const { return lines_[line].parent; }
    // Consecutive lines: first, first + 1, ... Each has a greater number than its parent.
    struct Children {
        Line first = 0;
        std::uint32_t count = 0;
    };
    [[nodiscard]] Children children(Line line) const {
        return {lines_[line].first_child, lines_[line].children};
    }
    // erofs::no_node: the image has no such path.
    [[nodiscard]] erofs::NodeId node(Line line, std::size_t image) const {
        return nodes_[line * indices_.size() + image];
    }
    [[nodiscard]] Line line_of(std::size_t image, erofs::NodeId node) const {
        return line_of_[image][node];
    }
    [[nodiscard]] std::string_view name(Line line) const; // "" for the root
    [[nodiscard]] std::string path(Line line) const;      // "/" for the root
    // In one image at least.
    [[nodiscard]] bool is_folder(Line line) const;
    [[nodiscard]] bool is_file(Line line) const; // a regular one
    // Of the largest regular file of the name; nothing where there is none.
    [[nodiscard]] std::optional<std::uint64_t> file_size(Line line) const;

private:
    struct Entry {
        Line parent = 0;
        Line first_child = 0;
        std::uint32_t children = 0;
    };
    void add_children(Line line);
    // The first image that has it, and its node there.
    [[nodiscard]] std::pair<std::size_t, erofs::NodeId> any(Line line) const;

    std::vector<const erofs::Index*> indices_;
    std::vector<Entry> lines_;
    std::vector<erofs::NodeId> nodes_;       // of each line, one for each image
    std::vector<std::vector<Line>> line_of_; // by image and node
};

} // namespace coldscope::app
