#include "core/erofs/compressed_config.h"

#include "core/base/checked.h"
#include "core/base/cursor.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::size_t config_size = 6; // bytes: what is read of a record, which has at least these
constexpr std::uint32_t max_lzma_dictionary = 8U << 20;
constexpr std::uint32_t min_lzma_dictionary = 4096;
constexpr unsigned max_deflate_bits = 15;
constexpr unsigned min_zstd_bits = 10;
constexpr unsigned max_zstd_bits = 20;

Result<void> parse(Cursor& at, CompressionConfig& config) {
    switch (config.algorithm) {
    case codec::Algorithm::lz4:
        config.window = at.u16();
        config.max_cluster_blocks = std::max<std::uint16_t>(at.u16(), 1);
        return {};
    case codec::Algorithm::lzma: {
        config.window = at.u32();
        const std::uint16_t format = at.u16();
        if (format != 0)
            return failure(Code::unsupported, fmt::format("lzma of format {}", format),
                           config.offset);
        if (config.window < min_lzma_dictionary || config.window > max_lzma_dictionary)
            return failure(Code::corrupt,
                           fmt::format("lzma with a dictionary of {} bytes", config.window),
                           config.offset);
        return {};
    }
    case codec::Algorithm::deflate: {
        const unsigned bits = at.u8();
        if (bits > max_deflate_bits)
            return failure(Code::corrupt, fmt::format("deflate with a window of 2^{} bytes", bits),
                           config.offset);
        config.window = std::uint64_t{1} << bits;
        return {};
    }
    case codec::Algorithm::zstd: {
        const unsigned format = at.u8();
        const unsigned bits = at.u8() + min_zstd_bits;
        if (format != 0)
            return failure(Code::unsupported, fmt::format("zstd of format {}", format),
                           config.offset);
        if (bits > max_zstd_bits)
            return failure(Code::corrupt, fmt::format("zstd with a window of 2^{} bytes", bits),
                           config.offset);
        config.window = std::uint64_t{1} << bits;
        return {};
    }
    }
    return {};
}

} // namespace

Result<std::vector<CompressionConfig>> read_compression_configs(ReadAt& primary,
                                                                const Superblock& super) {
    std::vector<CompressionConfig> configs;
    if (!super.has(incompat::compression_configs)) {
        if (super.may_be_compressed())
            configs.push_back({codec::Algorithm::lz4, super_offset + 84, super.compression, 1});
        return configs;
    }
    std::uint64_t offset = super_offset + super.size();
    for (unsigned number = 0; number < codec::algorithm_count; ++number) {
        if ((super.algorithms() & (1U << number)) == 0)
            continue;
        offset = align_up<std::uint64_t>(offset, 4);
        std::array<std::byte, 2 + config_size> bytes{};
        COLDSCOPE_CHECK(primary.read(offset, bytes));
        Cursor at(bytes, offset);
        CompressionConfig config;
        config.algorithm = static_cast<codec::Algorithm>(number);
        config.offset = offset;
        const std::uint16_t length = at.u16();
        if (length < config_size)
            return failure(Code::corrupt,
                           fmt::format("the configuration of {} has {} bytes",
                                       codec::name(config.algorithm), length),
                           offset);
        COLDSCOPE_CHECK(parse(at, config));
        configs.push_back(config);
        offset += 2U + length;
    }
    return configs;
}

} // namespace coldscope::erofs
