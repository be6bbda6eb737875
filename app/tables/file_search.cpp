#include "app/tables/file_search.h"

#include <algorithm>

namespace coldscope::app {

namespace {

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool same(char one, char other) {
    return lower(one) == lower(other);
}

bool matches(const erofs::Index& index, erofs::NodeId node, const std::string& part,
             std::string_view tail) {
    const std::string_view name = index.name(node);
    if (tail.size() == part.size())
        return std::ranges::search(name, part, same).begin() != name.end();
    // With a slash in it, its tail begins the name and what is before it ends the folder's path.
    if (!std::ranges::equal(name.substr(0, tail.size()), tail, same))
        return false;
    const std::string path = index.path(node);
    const std::size_t head = part.size() - tail.size();
    const std::size_t before = path.size() - name.size();
    return before >= head && std::ranges::equal(std::string_view(path).substr(before - head, head),
                                                std::string_view(part).substr(0, head), same);
}

} // namespace

erofs::NodeId next_in_tree(const erofs::Index& index, erofs::NodeId node) {
    if (const auto children = index.children(node); children.count > 0)
        return children.first;
    while (node != erofs::root_node) {
        const erofs::NodeId parent = index.node(node).parent;
        const auto siblings = index.children(parent);
        if (node + 1 < siblings.first + siblings.count)
            return node + 1;
        node = parent;
    }
    return erofs::root_node;
}

erofs::NodeId previous_in_tree(const erofs::Index& index, erofs::NodeId node) {
    if (node != erofs::root_node) {
        const erofs::NodeId parent = index.node(node).parent;
        if (node == index.children(parent).first)
            return parent;
        --node;
    }
    for (;;) {
        const auto children = index.children(node);
        if (children.count == 0)
            return node;
        node = children.first + children.count - 1;
    }
}

std::optional<erofs::NodeId> find_file(const erofs::Index& index, erofs::NodeId from,
                                       const std::string& part, bool backwards, bool from_too) {
    if (part.empty() || from >= index.size())
        return {};
    const std::size_t slash = part.rfind('/');
    const std::string_view tail = slash == std::string::npos
                                      ? std::string_view(part)
                                      : std::string_view(part).substr(slash + 1);
    if (from_too && from != erofs::root_node && matches(index, from, part, tail))
        return from;
    erofs::NodeId node = from;
    do {
        node = backwards ? previous_in_tree(index, node) : next_in_tree(index, node);
        if (node != erofs::root_node && matches(index, node, part, tail))
            return node;
    } while (node != from);
    return {};
}

} // namespace coldscope::app
