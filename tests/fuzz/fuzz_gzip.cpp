// DEFLATE in a gzip or zlib wrapper: any bytes decode or are called corrupt.
#include "tests/fuzz/fuzz_decode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    fuzz::decode_input(data, size,
                       [](auto in, auto out, const auto&) { return codec::decode_gzip(in, out); });
    return 0;
}
