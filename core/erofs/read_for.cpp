#include "core/erofs/read_for.h"

namespace coldscope::erofs {

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
    const auto extents = inode ? image.map(*inode, 0, inode->size)
                               : Result<std::vector<Extent>>(std::unexpected(inode.error()));
    if (!extents)
        return false;
    for (const Extent& extent : *extents)
        found =
            found || (extent.is_placed() && extent.device == device &&
                      extent.stored().begin < address + length && address < extent.stored().end);
    return found;
}

} // namespace coldscope::erofs
