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

void ClusterCache::make_room(std::size_t bytes) {
    while (!entries_.empty() && (entries_.size() >= max_entries || bytes_ + bytes > max_bytes)) {
        const auto oldest = std::ranges::min_element(entries_, {}, &Entry::used);
        drop(static_cast<std::size_t>(oldest - entries_.begin()));
    }
}

void ClusterCache::keep(const Key& key, std::vector<std::byte> bytes) {
    if (const auto same = std::ranges::find(entries_, key, &Entry::key); same != entries_.end())
        drop(static_cast<std::size_t>(same - entries_.begin()));
    if (bytes.size() > max_bytes)
        return;
    make_room(bytes.size());
    bytes_ += bytes.size();
    entries_.push_back({key, std::move(bytes), ++clock_});
}

void ClusterCache::drop(std::size_t index) {
    bytes_ -= entries_[index].bytes.size();
    if (index != entries_.size() - 1)
        entries_[index] = std::move(entries_.back());
    entries_.pop_back();
}

} // namespace coldscope::erofs
