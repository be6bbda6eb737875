#include "core/erofs/cluster_cache.h"

#include <algorithm>

namespace coldscope::erofs {

namespace {
constexpr std::size_t max_entries = 32;
} // namespace

std::span<const std::byte> ClusterCache::find(const Key& key) {
    const auto found = std::ranges::find(entries_, key, &Entry::key);
    if (found == entries_.end())
        return {};
    found->used = ++clock_;
    return found->bytes;
}

void ClusterCache::keep(const Key& key, std::vector<std::byte> bytes) {
    if (bytes.size() > max_bytes)
        return;
    while (!entries_.empty() &&
           (entries_.size() >= max_entries || bytes_ + bytes.size() > max_bytes)) {
        const auto oldest = std::ranges::min_element(entries_, {}, &Entry::used);
        bytes_ -= oldest->bytes.size();
        if (oldest != entries_.end() - 1)
            *oldest = std::move(entries_.back());
        entries_.pop_back();
    }
    bytes_ += bytes.size();
    entries_.push_back({key, std::move(bytes), ++clock_});
}

} // namespace coldscope::erofs
