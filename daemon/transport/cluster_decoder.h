// A file's bytes from its encoded clusters, on any thread.
#pragma once

#include "core/erofs/cluster_cache.h"
#include "core/erofs/image.h"

#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

namespace coldscope {

class ClusterDecoder {
public:
    explicit ClusterDecoder(const erofs::Superblock& super) : super_(super) {}

    // The bytes of the extents, one after the other. stored: of each in turn the whole cluster
    // where it is one on a device, and otherwise its bytes. Errors: those of decode_cluster().
    [[nodiscard]] Result<std::vector<std::byte>>
    put_together(std::span<const erofs::Extent> extents, std::span<const std::byte> stored);

private:
    [[nodiscard]] Result<void> decode(const erofs::Extent& extent,
                                      std::span<const std::byte> encoded,
                                      std::span<std::byte> into);

    const erofs::Superblock super_;
    std::mutex mutex_; // of the cache
    erofs::ClusterCache cache_;
};

} // namespace coldscope
