#include "tests/fuzz/fuzz_support.h"

#include "core/erofs/check.h"
#include "core/erofs/read.h"
#include "tests/support/counted_memory.h"

#include <algorithm>
#include <cstdlib>

namespace coldscope::fuzz {

namespace {

constexpr std::size_t promised = std::size_t{64} << 20; // bytes, for any input
constexpr std::uint64_t piece = 8192;                   // bytes read of a file's start and end

void read_part(erofs::Image& image, const erofs::Inode& inode, std::uint64_t offset,
               const test::BuiltImage& from) {
    test::Bytes bytes(static_cast<std::size_t>(std::min(piece, inode.size - offset)));
    static_cast<void>(erofs::read_file(image, inode, offset, bytes, from.devices()));
}

} // namespace

MemoryBound::MemoryBound(std::size_t input)
    : before_(test::CountedMemory::set_limit(test::CountedMemory::live() + promised + 2 * input)) {}

MemoryBound::~MemoryBound() {
    test::CountedMemory::set_limit(before_);
}

test::BuiltImage sample() {
    static const test::BuiltImage image = test::sample_image(9);
    return image;
}

void overwrite(test::BuiltImage& image, std::uint64_t offset, std::span<const std::byte> bytes) {
    const std::uint64_t room = image.bytes.size() - std::min(offset, image.bytes.size());
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size()));
    std::copy_n(bytes.begin(), count, image.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    image.fix_checksum();
}

void exercise(const test::BuiltImage& built) {
    const MemoryBound bound(built.bytes.size());
    static_cast<void>(erofs::check_image(built.primary()));
    const auto opened = erofs::Image::open(built.primary());
    if (!opened)
        return;
    erofs::Image& image = **opened;
    erofs::Findings findings;
    const auto index = erofs::Index::build(image, &findings);
    if (!index)
        return;
    if (index->size() > image.metadata_room() / 12 + 1)
        std::abort(); // more names than the image has room for
    for (const erofs::Node& node : index->nodes()) {
        const auto inode = image.inode(node.nid);
        if (!inode)
            continue;
        static_cast<void>(image.xattrs(*inode));
        if (inode->is_symlink())
            static_cast<void>(image.link_target(*inode));
        read_part(image, *inode, 0, built);
        if (inode->size > piece)
            read_part(image, *inode, inode->size - piece, built);
    }
}

} // namespace coldscope::fuzz
