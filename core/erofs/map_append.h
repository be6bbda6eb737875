// Putting a file's extents together.
#pragma once

#include "core/erofs/image.h"

#include <cstddef>
#include <vector>

namespace coldscope::erofs {

// Lengthens the last extent where the new one goes on from it. first: where the file's begin.
inline void append_extent(const Extent& extent, std::vector<Extent>& into, std::size_t first) {
    if (into.size() > first) {
        Extent& last = into.back();
        const bool parts =
            last.fragment == extent.fragment || (last.fragment != Extent::no_fragment &&
                                                 last.fragment + last.length == extent.fragment);
        const bool same = last.kind == extent.kind && last.device == extent.device && parts;
        const bool adjacent =
            extent.kind == ExtentKind::hole ||
            (extent.kind == ExtentKind::data && last.address + last.length == extent.address);
        if (same && adjacent) {
            last.length += extent.length;
            return;
        }
    }
    into.push_back(extent);
}

} // namespace coldscope::erofs
