#include "core/erofs/read_for.h"

namespace coldscope::erofs {

namespace {
constexpr std::size_t looked_at_once = 1024;
} // namespace

bool may_be_read_for(Image& image, const Index& index, NodeId id, std::uint16_t device,
                     std::uint64_t address, std::uint64_t length) {
    const Node& node = index.node(id);
    bool found = false;
    if (node.is_regular()) {
        index.files_at(device, address, length,
                       [&](NodeId one, std::uint64_t, std::uint64_t, std::uint64_t) {
                           found = found || index.node(one).nid == node.nid;
                       });
        return found;
    }
    const auto inode = image.inode(node.nid);
    std::vector<Extent> extents;
    for (std::uint64_t at = 0; inode && at < inode->size && !found;) {
        extents.clear();
        const auto reached = image.map_some(*inode, at, inode->size, looked_at_once, extents);
        if (!reached)
            return false;
        for (const Extent& extent : extents)
            found = found ||
                    (extent.is_placed() && extent.device == device &&
                     extent.stored().begin < address + length && address < extent.stored().end);
        at = *reached;
    }
    return found;
}

} // namespace coldscope::erofs
