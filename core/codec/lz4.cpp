#include "core/codec/codec.h"
#include "core/codec/decoders.h"

#include <limits>

#include <fmt/format.h>
#include <lz4.h>

namespace coldscope::codec {

Result<void> decode_lz4(std::span<const std::byte> in, std::span<std::byte> out, bool partial) {
    if (in.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        return failure(Code::corrupt, fmt::format("lz4: a block of {} bytes", in.size()));
    const auto* const from = reinterpret_cast<const char*>(in.data());
    auto* const to = reinterpret_cast<char*>(out.data());
    const auto length = static_cast<int>(in.size());
    const auto wanted = static_cast<int>(out.size()); // at most max_decoded
    const int got = partial ? LZ4_decompress_safe_partial(from, to, length, wanted, wanted)
                            : LZ4_decompress_safe(from, to, length, wanted);
    if (got < 0)
        return failure(Code::corrupt,
                       fmt::format("lz4: the block of {} bytes does not decode to {} bytes",
                                   in.size(), out.size()));
    if (got != wanted)
        return failure(Code::corrupt,
                       fmt::format("lz4: the block holds {} bytes instead of {}", got, out.size()));
    return {};
}

} // namespace coldscope::codec
