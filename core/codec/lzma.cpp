#include "core/codec/codec.h"
#include "core/codec/decoders.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <lzma.h>

namespace coldscope::codec {

namespace {

constexpr std::size_t least_dictionary = 4096; // bytes: liblzma rounds up to it

// Kept from call to call, so that its memory is.
struct Stream {
    lzma_stream stream = LZMA_STREAM_INIT;
    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { lzma_end(&stream); }
};

} // namespace

Result<void> decode_lzma(std::span<const std::byte> in, std::span<std::byte> out, bool partial) {
    static thread_local Stream kept;
    lzma_stream& stream = kept.stream;
    // Nothing can lie further back than the first byte that is decoded.
    const std::size_t dictionary = std::clamp(out.size(), least_dictionary, max_window);
    const lzma_ret opened = lzma_microlzma_decoder(&stream, in.size(), out.size(), !partial,
                                                   static_cast<std::uint32_t>(dictionary));
    if (opened == LZMA_MEM_ERROR)
        return system_error(ENOMEM, "lzma: no memory for a decoder");
    if (opened != LZMA_OK)
        return failure(Code::corrupt, fmt::format("lzma: a block of {} bytes is refused ({})",
                                                  in.size(), static_cast<int>(opened)));
    stream.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream.avail_in = in.size();
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.avail_out = out.size();
    const lzma_ret done = lzma_code(&stream, LZMA_FINISH);
    const std::size_t missing = stream.avail_out;
    if (done == LZMA_MEM_ERROR)
        return system_error(ENOMEM, "lzma: no memory for a dictionary");
    if (done != LZMA_STREAM_END || missing != 0)
        return failure(Code::corrupt,
                       fmt::format("lzma: the block of {} bytes does not decode to {} bytes, but "
                                   "goes wrong after {}",
                                   in.size(), out.size(), out.size() - missing));
    return {};
}

} // namespace coldscope::codec
