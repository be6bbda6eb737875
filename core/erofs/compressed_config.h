// What the superblock says about the compression algorithms that its files use.
// Sources: struct z_erofs_lz4_cfgs, z_erofs_lzma_cfgs, z_erofs_deflate_cfgs and z_erofs_zstd_cfgs
// in Linux fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/codec/codec.h"
#include "core/erofs/superblock.h"

#include <cstdint>
#include <vector>

namespace coldscope::erofs {

struct CompressionConfig {
    codec::Algorithm algorithm = codec::Algorithm::lz4;
    std::uint64_t offset = 0;             // bytes: its record, or the superblock's field
    std::uint64_t window = 0;             // bytes: how far back a copy may reach; 0: not said
    std::uint16_t max_cluster_blocks = 1; // LZ4: of a physical cluster
};

// One for each algorithm of an image, by number; none where nothing is compressed. Errors:
// truncated, corrupt (a record that is too short, or a window that no kernel takes).
[[nodiscard]] Result<std::vector<CompressionConfig>>
read_compression_configs(ReadAt& primary, const Superblock& super);

} // namespace coldscope::erofs
