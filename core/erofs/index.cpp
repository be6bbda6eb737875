#include "core/erofs/index.h"

#include <algorithm>

namespace coldscope::erofs {

std::string_view Index::name(NodeId id) const {
    const Node& node = nodes_[id];
    return {names_.data() + node.name_offset, node.name_length};
}

std::string Index::path(NodeId id) const {
    if (id == root_node)
        return "/";
    std::size_t length = 0;
    for (NodeId at = id; at != root_node; at = nodes_[at].parent)
        length += nodes_[at].name_length + std::size_t{1};
    std::string path(length, '/');
    for (NodeId at = id; at != root_node; at = nodes_[at].parent) {
        const std::string_view part = name(at);
        length -= part.size();
        path.replace(length, part.size(), part);
        --length;
    }
    return path;
}

Index::Children Index::children(NodeId id) const {
    return nodes_[id].is_directory() ? directories_[nodes_[id].directory] : Children{};
}

std::optional<NodeId> Index::find(std::string_view path) const {
    if (nodes_.empty())
        return std::nullopt;
    NodeId here = root_node;
    std::size_t at = 0;
    while (true) {
        at = std::min(path.find_first_not_of('/', at), path.size());
        if (at == path.size())
            return here;
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view wanted = path.substr(at, end - at);
        at = end;
        const Children range = children(here);
        NodeId low = range.first;
        NodeId high = range.first + range.count;
        while (low < high) {
            const NodeId middle = low + (high - low) / 2;
            if (name(middle) < wanted)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == range.first + range.count || name(low) != wanted)
            return std::nullopt;
        here = low;
    }
}

std::optional<NodeId> Index::node_of_nid(std::uint64_t nid) const {
    const auto at =
        std::ranges::lower_bound(by_nid_, nid, {}, [this](NodeId id) { return nodes_[id].nid; });
    if (at == by_nid_.end() || nodes_[*at].nid != nid)
        return std::nullopt;
    return *at;
}

std::vector<NodeId> Index::nodes_of_nid(std::uint64_t nid) const {
    const auto range =
        std::ranges::equal_range(by_nid_, nid, {}, [this](NodeId id) { return nodes_[id].nid; });
    return {range.begin(), range.end()};
}

void Index::files_at(std::uint16_t device, std::uint64_t address, std::uint64_t length,
                     const FileCallback& callback) const {
    if (device >= reverse_.size())
        return;
    const std::uint64_t end = length > ~address ? ~std::uint64_t{0} : address + length;
    reverse_[device].find(address, length, [&](const ReverseExtent& extent) {
        const std::uint64_t from = std::max(address, extent.address);
        const std::uint64_t to = std::min(end, extent.address + extent.length);
        callback(extent.node, ReverseMap::offset_at(extent, from), from, to - from);
    });
}

std::size_t Index::memory() const {
    std::size_t bytes = nodes_.capacity() * sizeof(Node) + names_.capacity() +
                        directories_.capacity() * sizeof(Children) +
                        by_nid_.capacity() * sizeof(NodeId);
    for (const ReverseMap& map : reverse_)
        bytes += map.memory();
    return bytes;
}

} // namespace coldscope::erofs
