// The extents of a file, a part of it at a time: memory does not grow with a file's size, nor with
// what a damaged chunk table says.
#pragma once

#include "core/erofs/image.h"

#include <algorithm>
#include <vector>

namespace coldscope::compare {

// How many bytes of a file are mapped at once.
[[nodiscard]] inline std::uint64_t window_of(const erofs::Inode& inode) {
    constexpr std::uint64_t pieces = 65536;
    if (inode.layout == erofs::Layout::chunk_based)
        return pieces << std::min<std::uint32_t>(inode.chunk_bits, 47);
    return erofs::is_compressed(inode.layout) ? pieces << 12 : ~std::uint64_t{0};
}

// each(extent) -> Result<void>, in order; extents that go on in the next window come in two parts.
template <typename Each>
Result<void> for_each_extent(erofs::Image& image, const erofs::Inode& inode, const Each& each) {
    std::vector<erofs::Extent> extents;
    const std::uint64_t window = window_of(inode);
    for (std::uint64_t at = 0; at < inode.size; at += std::min(window, inode.size - at)) {
        extents.clear();
        COLDSCOPE_CHECK(image.map_into(inode, at, window, extents));
        for (const erofs::Extent& extent : extents)
            COLDSCOPE_CHECK(each(extent));
    }
    return {};
}

} // namespace coldscope::compare
