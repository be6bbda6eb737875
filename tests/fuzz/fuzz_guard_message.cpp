// A message to the guard: what is taken for one is, byte for byte, what it would be written as.
#include "daemon/guard/protocol.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
    const auto message = guard::decode(bytes);
    if (message ? !std::ranges::equal(guard::encode(*message), bytes)
                : message.error().code != Code::invalid || message.error().offset > size)
        std::abort();
    return 0;
}
