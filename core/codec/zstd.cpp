#include "core/codec/codec.h"
#include "core/codec/decoders.h"

#include <bit>
#include <cerrno>
#include <memory>

#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace coldscope::codec {

namespace {

struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Result<void> outcome(std::size_t result, std::size_t got, std::size_t wanted) {
    if (ZSTD_isError(result) != 0) {
        if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
            return system_error(ENOMEM, "zstd: no memory");
        return failure(Code::corrupt, fmt::format("zstd: the block does not decode to {} bytes: {}",
                                                  wanted, ZSTD_getErrorName(result)));
    }
    if (got != wanted)
        return failure(Code::corrupt,
                       fmt::format("zstd: the block holds {} bytes instead of {}", got, wanted));
    return {};
}

} // namespace

Result<void> decode_zstd(std::span<const std::byte> in, std::span<std::byte> out, bool partial) {
    static thread_local std::unique_ptr<ZSTD_DCtx, FreeZstd> kept;
    if (kept == nullptr)
        kept.reset(ZSTD_createDCtx());
    if (kept == nullptr)
        return system_error(ENOMEM, "zstd: no memory for a decoder");
    if (!partial) {
        const std::size_t got =
            ZSTD_decompressDCtx(kept.get(), out.data(), out.size(), in.data(), in.size());
        return outcome(got, got, out.size());
    }
    ZSTD_DCtx_reset(kept.get(), ZSTD_reset_session_and_parameters);
    ZSTD_DCtx_setParameter(kept.get(), ZSTD_d_windowLogMax, std::bit_width(max_window) - 1);
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    std::size_t result = 1;
    while (to.pos < to.size) {
        const std::size_t before = to.pos + from.pos;
        result = ZSTD_decompressStream(kept.get(), &to, &from);
        if (ZSTD_isError(result) != 0 || result == 0 || to.pos + from.pos == before)
            break;
    }
    return outcome(result, to.pos, out.size());
}

} // namespace coldscope::codec
