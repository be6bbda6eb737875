#include "core/codec/codec.h"

#include "core/codec/decoders.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::codec {

namespace {

Result<void> check_size(std::span<std::byte> out) {
    if (out.size() > max_decoded)
        return failure(Code::invalid, fmt::format("{} bytes to decode at once", out.size()));
    return {};
}

} // namespace

const char* name(Algorithm algorithm) {
    switch (algorithm) {
    case Algorithm::lz4:
        return "lz4";
    case Algorithm::lzma:
        return "lzma";
    case Algorithm::deflate:
        return "deflate";
    case Algorithm::zstd:
        return "zstd";
    }
    return "unknown";
}

std::size_t enough_for(Algorithm algorithm, std::size_t decoded) {
    constexpr std::size_t zstd_block = std::size_t{128} << 10; // decoded whole, and not larger
    switch (algorithm) {
    case Algorithm::lz4: // lengths above 15 take a byte for each 255, and are said in front
        return decoded + decoded / 255 + 8192;
    case Algorithm::lzma: // 54 bits for a literal of the least likely bits
        return decoded * 8 + 64;
    case Algorithm::deflate: // codes have up to 15 bits, their table some hundred bytes
        return decoded * 4 + 4096;
    case Algorithm::zstd:
        return decoded + zstd_block + 4096;
    }
    return decoded;
}

Result<void> decode(Algorithm algorithm, std::span<const std::byte> in, std::span<std::byte> out,
                    const DecodeOptions& options) {
    COLDSCOPE_CHECK(check_size(out));
    if (out.empty())
        return {};
    if (options.padding == Padding::leading) {
        const auto first = std::ranges::find_if(in, [](std::byte b) { return b != std::byte{0}; });
        in = in.subspan(static_cast<std::size_t>(first - in.begin()));
    }
    if (in.empty())
        return failure(Code::corrupt, fmt::format("{}: the block is empty", name(algorithm)));
    const bool partial = options.partial || options.padding == Padding::trailing;
    switch (algorithm) {
    case Algorithm::lz4:
        return decode_lz4(in, out, partial);
    case Algorithm::lzma:
        return decode_lzma(in, out, partial);
    case Algorithm::deflate:
        return decode_deflate(in, out, partial);
    case Algorithm::zstd:
        return decode_zstd(in, out, partial);
    }
    return failure(Code::unsupported,
                   fmt::format("compression algorithm {}", static_cast<unsigned>(algorithm)));
}

Result<void> decode_gzip(std::span<const std::byte> in, std::span<std::byte> out) {
    COLDSCOPE_CHECK(check_size(out));
    if (out.empty())
        return {};
    return decode_wrapped_deflate(in, out);
}

} // namespace coldscope::codec
