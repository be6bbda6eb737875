// Chunk tables and maps: the first 16 bytes give the inode's size, chunk format and a range, the
// rest is its table.
#include "core/base/cursor.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/support/image_writer.h"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    if (size < 16)
        return 0;
    const auto bytes = fuzz::as_bytes(data, size);
    Cursor at(bytes);
    const std::uint64_t file_size = at.u64() >> (at.u8() % 64);
    const std::uint16_t format = at.u16() & erofs::chunk_format_all;
    const std::uint64_t offset = at.u32();
    const std::uint64_t length = std::uint64_t{1} << (at.u8() % 64);

    test::BuiltImage image = fuzz::sample();
    const std::uint64_t inode_at = image.inode.at("/chunks/two"); // extended
    test::put<std::uint64_t>(image.bytes, inode_at + 8, file_size);
    test::put<std::uint16_t>(image.bytes, inode_at + 16, format);
    fuzz::overwrite(image, inode_at + 64, bytes.subspan(16, std::min<std::size_t>(size - 16, 512)));
    const fuzz::MemoryBound bound(image.bytes.size());
    const auto opened = erofs::Image::open(image.primary());
    if (!opened)
        return 0;
    const auto inode = (*opened)->find("/chunks/two");
    if (!inode)
        return 0;
    const auto map = (*opened)->map(*inode, offset, length);
    std::uint64_t next = offset;
    for (std::size_t i = 0; map && i < map->size(); ++i) {
        if ((*map)[i].offset != next || (*map)[i].length == 0)
            std::abort(); // gaps or overlaps
        next += (*map)[i].length;
    }
    if (map && offset < inode->size && next != offset + std::min(length, inode->size - offset))
        std::abort(); // not the range that was asked for
    fuzz::exercise(image);
    return 0;
}
