#include "app/sharing/file_union.h"

#include <algorithm>

namespace coldscope::app {

using erofs::no_node;
using erofs::NodeId;

FileUnion::FileUnion(std::vector<const erofs::Index*> indices) : indices_(std::move(indices)) {
    for (const erofs::Index* index : indices_)
        line_of_.emplace_back(index->size(), root);
    lines_.push_back({});
    nodes_.assign(indices_.size(), erofs::root_node);
    for (Line line = 0; line < lines_.size(); ++line)
        add_children(line);
}

// Merges the images' lists, which are in order of name.
void FileUnion::add_children(Line line) {
    struct List {
        std::size_t image;
        NodeId next;
        NodeId end;
    };
    std::vector<List> lists;
    for (std::size_t image = 0; image < indices_.size(); ++image) {
        if (const NodeId folder = node(line, image); folder != no_node) {
            const auto children = indices_[image]->children(folder);
            lists.push_back({image, children.first, children.first + children.count});
        }
    }
    const auto first = static_cast<Line>(lines_.size());
    while (true) {
        const List* least = nullptr;
        for (const List& list : lists) {
            if (list.next != list.end &&
                (least == nullptr ||
                 indices_[list.image]->name(list.next) < indices_[least->image]->name(least->next)))
                least = &list;
        }
        if (least == nullptr)
            break;
        const std::string_view name = indices_[least->image]->name(least->next);
        const auto added = static_cast<Line>(lines_.size());
        lines_.push_back({line, 0, 0});
        nodes_.resize(nodes_.size() + indices_.size(), no_node);
        for (List& list : lists) {
            if (list.next == list.end || indices_[list.image]->name(list.next) != name)
                continue;
            nodes_[added * indices_.size() + list.image] = list.next;
            line_of_[list.image][list.next] = added;
            ++list.next;
        }
    }
    lines_[line].first_child = first;
    lines_[line].children = static_cast<std::uint32_t>(lines_.size() - first);
}

std::pair<std::size_t, NodeId> FileUnion::any(Line line) const {
    for (std::size_t image = 0; image < indices_.size(); ++image) {
        if (node(line, image) != no_node)
            return {image, node(line, image)};
    }
    return {0, no_node};
}

std::string_view FileUnion::name(Line line) const {
    const auto [image, node] = any(line);
    return node == no_node ? std::string_view() : indices_[image]->name(node);
}

std::string FileUnion::path(Line line) const {
    const auto [image, node] = any(line);
    return node == no_node ? std::string() : indices_[image]->path(node);
}

bool FileUnion::is_folder(Line line) const {
    for (std::size_t image = 0; image < indices_.size(); ++image) {
        if (const NodeId at = node(line, image);
            at != no_node && indices_[image]->node(at).is_directory())
            return true;
    }
    return false;
}

bool FileUnion::is_file(Line line) const {
    return file_size(line).has_value();
}

std::optional<std::uint64_t> FileUnion::file_size(Line line) const {
    std::optional<std::uint64_t> size;
    for (std::size_t image = 0; image < indices_.size(); ++image) {
        if (const NodeId at = node(line, image);
            at != no_node && indices_[image]->node(at).is_regular())
            size = std::max(size.value_or(0), indices_[image]->node(at).size);
    }
    return size;
}

} // namespace coldscope::app
