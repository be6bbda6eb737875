#include "daemon/run/metadata.h"

#include "core/base/checked.h"

#include <algorithm>

namespace coldscope {

namespace {
constexpr std::uint64_t page = 4096; // bytes: what the kernel asks for at least
}

std::vector<Range> metadata_ranges(const erofs::Index& index, std::uint64_t size,
                                   std::uint32_t block_size) {
    RangeSet data;
    index.files_at(
        0, 0, size, [&](erofs::NodeId, std::uint64_t, std::uint64_t address, std::uint64_t length) {
            // The rest of a file's last block is padding; a page with anything else in
            // it counts as metadata.
            const std::uint64_t begin = align_up(address, page);
            const std::uint64_t end = align_down(
                std::min(size, align_up(address + length, std::uint64_t{block_size})), page);
            if (begin < end)
                data.add({begin, end});
        });
    return data.missing({0, size});
}

} // namespace coldscope
