#include "tests/support/encoders.h"

#include <algorithm>
#include <stdexcept>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace coldscope::test {

namespace {

using Bytes = std::vector<std::byte>;

std::size_t room_for(std::span<const std::byte> bytes) {
    return bytes.size() + bytes.size() / 8 + 1024;
}

void require(bool what) {
    if (!what)
        throw std::runtime_error("an encoder failed");
}

Bytes encode_lz4(std::span<const std::byte> bytes) {
    Bytes out(room_for(bytes));
    const int size = LZ4_compress_default(
        reinterpret_cast<const char*>(bytes.data()), reinterpret_cast<char*>(out.data()),
        static_cast<int>(bytes.size()), static_cast<int>(out.size()));
    require(size > 0);
    out.resize(static_cast<std::size_t>(size));
    return out;
}

Bytes encode_lzma(std::span<const std::byte> bytes) {
    lzma_options_lzma options{};
    require(!lzma_lzma_preset(&options, 6));
    options.dict_size = 1U << 20;
    lzma_stream stream = LZMA_STREAM_INIT;
    require(lzma_microlzma_encoder(&stream, &options) == LZMA_OK);
    Bytes out(room_for(bytes));
    stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
    stream.avail_in = bytes.size();
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.avail_out = out.size();
    require(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END);
    out.resize(static_cast<std::size_t>(stream.total_out));
    lzma_end(&stream);
    return out;
}

Bytes encode_zstd(std::span<const std::byte> bytes) {
    Bytes out(room_for(bytes));
    const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
    require(ZSTD_isError(size) == 0);
    out.resize(size);
    return out;
}

Bytes encode_zlib(std::span<const std::byte> bytes, int window_bits) {
    z_stream stream{};
    require(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    Bytes out(room_for(bytes));
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

} // namespace

std::vector<std::byte> encode(codec::Algorithm algorithm, std::span<const std::byte> bytes) {
    switch (algorithm) {
    case codec::Algorithm::lz4:
        return encode_lz4(bytes);
    case codec::Algorithm::lzma:
        return encode_lzma(bytes);
    case codec::Algorithm::deflate:
        return encode_zlib(bytes, -15);
    case codec::Algorithm::zstd:
        return encode_zstd(bytes);
    }
    return {};
}

std::vector<std::byte> encode_gzip(std::span<const std::byte> bytes, bool zlib) {
    return encode_zlib(bytes, zlib ? 15 : 15 + 16);
}

} // namespace coldscope::test
