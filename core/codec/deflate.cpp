// A whole block is libdeflate's, which is faster; what is stopped midway, or has a wrapper of
// either kind, is zlib's.
#include "core/codec/codec.h"
#include "core/codec/decoders.h"

#include <cerrno>
#include <memory>

#include <fmt/format.h>
#include <libdeflate.h>
#include <zlib.h>

namespace coldscope::codec {

namespace {

constexpr int raw_deflate = -15; // window bits, as zlib takes them
constexpr int gzip_or_zlib = 15 + 32;

struct FreeInflater {
    void operator()(libdeflate_decompressor* one) const { libdeflate_free_decompressor(one); }
};

std::unexpected<Error> wrong(std::span<const std::byte> in, std::span<std::byte> out) {
    return failure(Code::corrupt, fmt::format("deflate: the block of {} bytes does not decode to "
                                              "{} bytes",
                                              in.size(), out.size()));
}

// partial: stops when `out` is full. Otherwise the stream must end there.
Result<void> inflate_block(std::span<const std::byte> in, std::span<std::byte> out, int window_bits,
                           bool partial) {
    if (in.size() > ~uInt{0})
        return failure(Code::corrupt, fmt::format("deflate: a block of {} bytes", in.size()));
    z_stream stream{};
    if (inflateInit2(&stream, window_bits) != Z_OK)
        return system_error(ENOMEM, "deflate: no memory for a decoder");
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size()); // at most max_decoded
    const int done = inflate(&stream, partial ? Z_SYNC_FLUSH : Z_FINISH);
    const bool full = stream.avail_out == 0;
    inflateEnd(&stream);
    if (done == Z_MEM_ERROR)
        return system_error(ENOMEM, "deflate: no memory");
    if (!full || !(done == Z_STREAM_END || (partial && done == Z_OK)))
        return wrong(in, out);
    return {};
}

} // namespace

Result<void> decode_deflate(std::span<const std::byte> in, std::span<std::byte> out, bool partial) {
    if (partial)
        return inflate_block(in, out, raw_deflate, true);
    static thread_local std::unique_ptr<libdeflate_decompressor, FreeInflater> kept;
    if (kept == nullptr)
        kept.reset(libdeflate_alloc_decompressor());
    if (kept == nullptr)
        return system_error(ENOMEM, "deflate: no memory for a decoder");
    // Without a place for the length, fewer bytes than `out` has are an error too.
    if (libdeflate_deflate_decompress(kept.get(), in.data(), in.size(), out.data(), out.size(),
                                      nullptr) != LIBDEFLATE_SUCCESS)
        return wrong(in, out);
    return {};
}

Result<void> decode_wrapped_deflate(std::span<const std::byte> in, std::span<std::byte> out) {
    return inflate_block(in, out, gzip_or_zlib, false);
}

} // namespace coldscope::codec
