// The superblock and the device table: the input replaces the image from byte 1024 on, with and
// without the right checksum.
#include "core/erofs/device.h"
#include "tests/fuzz/fuzz_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    const auto bytes = fuzz::as_bytes(data, size);
    test::BuiltImage image = fuzz::sample();
    fuzz::overwrite(image, 1024, bytes.first(std::min<std::size_t>(size, 512)));
    fuzz::exercise(image);

    MemoryReadAt raw(bytes); // as a whole file
    erofs::Findings findings;
    if (const auto super = erofs::read_superblock(raw, &findings))
        static_cast<void>(erofs::read_device_table(raw, *super, &findings));
    return 0;
}
