#include "daemon/transport/cluster_decoder.h"

#include "core/erofs/read.h"

#include <algorithm>

namespace coldscope {

Result<std::vector<std::byte>> ClusterDecoder::put_together(std::span<const erofs::Extent> extents,
                                                            std::span<const std::byte> stored) {
    std::size_t total = 0;
    for (const erofs::Extent& extent : extents)
        total += extent.length;
    std::vector<std::byte> bytes(total);
    std::size_t from = 0;
    std::size_t to = 0;
    for (const erofs::Extent& extent : extents) {
        const auto into = std::span(bytes).subspan(to, extent.length);
        if (extent.kind == erofs::ExtentKind::encoded && extent.is_placed()) {
            COLDSCOPE_CHECK(decode(extent, stored.subspan(from, extent.encoded), into));
            from += extent.encoded;
        } else {
            std::ranges::copy(stored.subspan(from, into.size()), into.begin());
            from += into.size();
        }
        to += into.size();
    }
    return bytes;
}

Result<void> ClusterDecoder::decode(const erofs::Extent& extent, std::span<const std::byte> encoded,
                                    std::span<std::byte> into) {
    if (into.size() == extent.decoded)
        return decode_cluster(super_, extent, encoded, into);
    // The device's number as an address: it is only compared.
    const erofs::ClusterCache::Key key{reinterpret_cast<const void*>(std::uintptr_t{extent.device}),
                                       extent.address, extent.encoded, extent.decoded,
                                       extent.algorithm};
    {
        const std::lock_guard lock(mutex_);
        if (const auto kept = cache_.find(key); !kept.empty()) {
            std::ranges::copy(kept.subspan(extent.skip, into.size()), into.begin());
            return {};
        }
    }
    std::vector<std::byte> decoded(extent.decoded);
    COLDSCOPE_CHECK(decode_cluster(super_, extent, encoded, decoded));
    std::ranges::copy(std::span(decoded).subspan(extent.skip, into.size()), into.begin());
    const std::lock_guard lock(mutex_);
    cache_.keep(key, std::move(decoded));
    return {};
}

} // namespace coldscope
