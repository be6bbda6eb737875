#include "app/maps/touches.h"

#include <algorithm>

namespace coldscope::app {

namespace {
constexpr std::size_t sample = 4096;
} // namespace

void Touches::reset(const Workspace& workspace) {
    mark_ = {};
    devices_.clear();
    const auto& image = workspace.image();
    for (std::size_t i = 0; image && i < image->device_count(); ++i) {
        Device& device = devices_.emplace_back();
        device.size = image->device_size(static_cast<std::uint16_t>(i));
        device.bucket_bits = image->image->superblock().block_bits;
        while ((device.size >> device.bucket_bits) >= most_buckets)
            ++device.bucket_bits;
    }
}

bool Touches::update(Workspace& workspace) {
    EventStore& store = workspace.host().store();
    const Changes changes = store.changes_since(mark_);
    ended_.clear();
    const auto look = [&](Row row) {
        if (!store[row].open() && store[row].op == Op::read && !store[row].background())
            ended_.push_back(row);
    };
    std::ranges::for_each(changes.changed, look);
    for (Row row = changes.first_new; row < changes.end; ++row)
        look(row);
    // The last that ended decides whether a place failed.
    std::ranges::sort(ended_, {}, [&](Row row) { return store[row].end(); });
    for (const Row row : ended_) {
        places_.clear();
        workspace.places_of(store[row], places_);
        for (const DeviceRange& place : places_)
            add(store[row], row, place);
    }
    return !ended_.empty();
}

void Touches::add(const RequestRow& request, Row row, const DeviceRange& place) {
    if (place.device >= devices_.size())
        return;
    Device& device = devices_[place.device];
    const Range range{place.range.begin, std::min(place.range.end, device.size)};
    if (range.begin >= range.end)
        return;
    if (device.buckets.empty())
        device.buckets.resize(static_cast<std::size_t>(device.size >> device.bucket_bits) + 1);
    const std::uint64_t first = range.begin >> device.bucket_bits;
    const std::uint64_t last = (range.end - 1) >> device.bucket_bits;
    ++device.buckets[first].starts;
    for (std::uint64_t at = first; at <= last; ++at) {
        Bucket& bucket = device.buckets[at];
        ++bucket.touches;
        if (bucket.first == 0 || request.start < bucket.first)
            bucket.first = request.start;
        if (request.start >= bucket.last) {
            bucket.last = request.start;
            bucket.last_row = row;
        }
    }
    if (request.last != Step::answered)
        return;
    if (request.result == 0) {
        device.failed.remove(range);
    } else if (device.failed.count() < most_failed) {
        device.failed.add(range);
    } else {
        device.failed.add(
            {first << device.bucket_bits, std::min((last + 1) << device.bucket_bits, device.size)});
    }
}

Touch Touches::in(const DeviceRange& place) const {
    Touch touch;
    if (place.device >= devices_.size() || devices_[place.device].buckets.empty() ||
        place.range.begin >= std::min(place.range.end, devices_[place.device].size))
        return touch;
    const Device& device = devices_[place.device];
    const std::uint64_t first = place.range.begin >> device.bucket_bits;
    const std::uint64_t last = (std::min(place.range.end, device.size) - 1) >> device.bucket_bits;
    touch.count = device.buckets[first].touches;
    for (std::uint64_t at = first; at <= last; ++at) {
        const Bucket& bucket = device.buckets[at];
        if (at != first)
            touch.count += bucket.starts;
        if (bucket.touches == 0)
            continue;
        touch.first = touch.first == 0 ? bucket.first : std::min(touch.first, bucket.first);
        if (bucket.last >= touch.last) {
            touch.last = bucket.last;
            touch.last_row = bucket.last_row;
        }
    }
    return touch;
}

const RangeSet& Touches::failed(std::uint16_t device) const {
    static const RangeSet none;
    return device < devices_.size() ? devices_[device].failed : none;
}

std::uint64_t Touches::bucket_size(std::uint16_t device) const {
    return device < devices_.size() ? std::uint64_t{1} << devices_[device].bucket_bits : 1;
}

std::vector<Nanoseconds> Touches::first_quantiles(std::uint16_t device, std::size_t shares) const {
    std::vector<Nanoseconds> times;
    if (device >= devices_.size() || shares == 0)
        return times;
    const auto& buckets = devices_[device].buckets;
    const std::size_t stride = buckets.size() / sample + 1;
    for (std::size_t at = 0; at < buckets.size(); ++at) {
        // Touched buckets come in runs: of a long device every stride-th is a fair sample.
        if (buckets[at].touches != 0 && (stride == 1 || at % stride == 0))
            times.push_back(buckets[at].first);
    }
    std::ranges::sort(times);
    std::vector<Nanoseconds> result;
    for (std::size_t share = 1; share < shares && !times.empty(); ++share)
        result.push_back(times[times.size() * share / shares]);
    return result;
}

} // namespace coldscope::app
