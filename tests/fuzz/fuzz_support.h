// What the fuzz targets share: images of which the fuzzer's bytes are a part.
#pragma once

#include "core/erofs/image.h"
#include "tests/support/image_builder.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace coldscope::fuzz {

[[nodiscard]] inline std::span<const std::byte> as_bytes(const std::uint8_t* data,
                                                         std::size_t size) {
    return std::as_bytes(std::span(data, size));
}

// While it lives, more live memory than is promised for an input of so many bytes ends the program:
// 64 MiB and twice the input, beside what was there before.
class MemoryBound {
public:
    explicit MemoryBound(std::size_t input);
    MemoryBound(const MemoryBound&) = delete;
    MemoryBound& operator=(const MemoryBound&) = delete;
    ~MemoryBound();

private:
    std::size_t before_;
};

// A small image that was built once; copied, so that a target may write into it.
[[nodiscard]] test::BuiltImage sample();

// Overwrites the image from offset on, as far as there is room, and makes its checksum right.
void overwrite(test::BuiltImage& image, std::uint64_t offset, std::span<const std::byte> bytes);

// Opens it, builds and checks it all, reads every file's first and last bytes.
void exercise(const test::BuiltImage& image);

} // namespace coldscope::fuzz
