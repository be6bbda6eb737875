// Inodes: the input is parsed as one, and replaces those of a regular file and of the root.
#include "core/erofs/inode.h"
#include "tests/fuzz/fuzz_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    const auto bytes = fuzz::as_bytes(data, size);
    erofs::Superblock super;
    for (const std::uint32_t features : {0U, 0x1FFU}) {
        super.feature_incompat = features;
        static_cast<void>(erofs::parse_inode(super, 7, 4096, bytes));
    }
    for (const char* path : {"/flat/inline", "/chunks/two", "/"}) {
        test::BuiltImage image = fuzz::sample();
        fuzz::overwrite(image, image.inode.at(path), bytes.first(std::min<std::size_t>(size, 64)));
        fuzz::exercise(image);
    }
    return 0;
}
