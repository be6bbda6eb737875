// Directory blocks: the input is parsed as one, searched, and replaces that of a directory.
#include "core/erofs/directory.h"
#include "tests/fuzz/fuzz_support.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    const auto bytes = fuzz::as_bytes(data, size).first(std::min<std::size_t>(size, 65536));
    if (const auto block = erofs::DirBlock::open(bytes, 0)) {
        for (std::size_t i = 0; i < block->count(); ++i) {
            const auto entry = block->entry(i);
            if (!entry)
                continue;
            if (entry->name.empty() || entry->name.size() > 255)
                std::abort();
            const auto found = block->find(entry->name);
            if (found && *found < block->count() && block->entry(*found)->name != entry->name)
                std::abort(); // a look-up must not give another name
        }
    }
    test::BuiltImage image = fuzz::sample();
    const auto opened = erofs::Image::open(image.primary());
    const auto directory = (*opened)->find("/many");
    const auto extents = (*opened)->map(*directory, 0, 512);
    fuzz::overwrite(image, (*extents)[0].address, bytes.first(std::min<std::size_t>(size, 512)));
    fuzz::exercise(image);
    return 0;
}
