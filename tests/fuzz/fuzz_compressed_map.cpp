// Compressed images: the input is one, whose checksum is made right.
#include "core/erofs/index.h"
#include "tests/fuzz/fuzz_support.h"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace coldscope;

void check_map(erofs::Image& image, const erofs::Inode& inode) {
    constexpr std::size_t most = 1000; // extents
    std::vector<erofs::Extent> extents;
    const auto reached = image.map_some(inode, 0, inode.size, most, extents);
    std::uint64_t next = 0;
    for (const erofs::Extent& extent : extents) {
        if (extent.offset != next || extent.length == 0)
            std::abort(); // gaps or overlaps
        if (extent.kind == erofs::ExtentKind::encoded &&
            std::uint64_t{extent.skip} + extent.length > extent.decoded)
            std::abort();
        next += extent.length;
    }
    if (reached && *reached != next && inode.is_regular())
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t least = 4096;
    if (size < 1024 + 128)
        return 0;
    const auto bytes = fuzz::as_bytes(data, size);
    test::BuiltImage built;
    built.bytes.assign(bytes.begin(), bytes.end());
    built.bytes.resize(std::max(size, least));
    built.block_size = std::to_integer<unsigned>(built.bytes[1036]) == 9 ? 512 : 4096;
    built.fix_checksum();
    const fuzz::MemoryBound bound(built.bytes.size());
    const auto opened = erofs::Image::open(built.primary());
    if (!opened)
        return 0;
    erofs::Findings findings;
    const auto index = erofs::Index::build(**opened, &findings);
    if (!index)
        return 0;
    for (const erofs::Node& node : index->nodes()) {
        if (const auto inode = (*opened)->inode(node.nid))
            check_map(**opened, *inode);
    }
    fuzz::exercise(built);
    return 0;
}
