// Xattrs: the input is parsed as an area and as an entry, and replaces an inode's area and the
// shared entries.
#include "core/erofs/xattr.h"
#include "tests/fuzz/fuzz_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    const auto bytes = fuzz::as_bytes(data, size);
    Cursor area(bytes);
    static_cast<void>(erofs::parse_xattr_header(area));
    Cursor entry(bytes);
    const std::vector<erofs::XattrPrefix> prefixes{{1, "infix."}, {200, ""}};
    static_cast<void>(erofs::parse_xattr_entry(entry, prefixes));

    test::BuiltImage image = fuzz::sample();
    fuzz::overwrite(image, image.inode.at("/flat/inline") + 32,
                    bytes.first(std::min<std::size_t>(size, 80)));
    fuzz::exercise(image);
    image = fuzz::sample();
    const auto super = erofs::read_superblock(*image.primary());
    fuzz::overwrite(image, std::uint64_t{super->xattr_block} << super->block_bits,
                    bytes.first(std::min<std::size_t>(size, 512)));
    fuzz::exercise(image);
    return 0;
}
