#include "app/run/residency.h"

#include <algorithm>

namespace coldscope::app {

Residency::Residency(RunHost& host, Places places, QObject* parent)
    : QObject(parent), host_(host), places_(std::move(places)) {
    connect(&host_, &RunHost::began, this, &Residency::begin);
    connect(&host_, &RunHost::advanced, this, &Residency::advance);
}

void Residency::set_image(std::shared_ptr<OpenedImage> image) {
    image_ = std::move(image);
    known_ = false;
    local_.assign(image_ ? image_->device_count() : 0, {});
    origins_.assign(local_.size(), {});
    of_node_.clear();
    Q_EMIT changed();
}

void Residency::begin() {
    set_image(image_);
    if (!image_)
        return;
    mark_ = {};
    known_ = true;
    of_node_.assign(image_->index.size(), 0);
    const auto& local = host_.local_at_start();
    for (std::size_t device = 0; device < local.size() && device < local_.size(); ++device) {
        for (const Range& range : local[device])
            add({static_cast<std::uint16_t>(device), range}, std::nullopt);
    }
    Q_EMIT changed();
}

void Residency::advance() {
    if (!known_)
        return;
    EventStore& store = host_.store();
    const Changes changes = store.changes_since(mark_);
    bool any = false;
    const auto look = [&](Row row) {
        const RequestRow& request = store[row];
        if (request.open() || request.last != Step::answered || request.result != 0 ||
            request.op != Op::read || host_.cache_full())
            return;
        scratch_.clear();
        places_(request, scratch_);
        const Origin origin = (request.flags & flag::prefetch) != 0    ? Origin::prefetch
                              : (request.flags & flag::amplified) != 0 ? Origin::amplified
                                                                       : Origin::miss;
        for (const DeviceRange& place : scratch_) {
            if (place.device < origins_.size() && !request.background()) {
                const std::uint64_t unused = origins_[place.device].unused().total();
                origins_[place.device].asked(place.range);
                any = any || origins_[place.device].unused().total() != unused;
            }
            any = add(place, origin) || any;
        }
    };
    for (const Row row : changes.changed)
        look(row);
    for (Row row = changes.first_new; row < changes.end; ++row)
        look(row);
    if (any)
        Q_EMIT changed();
}

bool Residency::add(const DeviceRange& place, std::optional<Origin> brought_by) {
    if (place.device >= local_.size() || local_[place.device].contains(place.range))
        return false;
    for (const Range& range : local_[place.device].missing(place.range)) {
        if (brought_by)
            origins_[place.device].brought(range, *brought_by);
        image_->index.files_at(
            place.device, range.begin, range.length(),
            [this](erofs::NodeId node, std::uint64_t, std::uint64_t, std::uint64_t length) {
                for (;; node = image_->index.node(node).parent) {
                    of_node_[node] += length;
                    if (node == erofs::root_node)
                        break;
                }
            });
    }
    local_[place.device].add(place.range);
    return true;
}

const RangeSet& Residency::local(std::uint16_t device) const {
    static const RangeSet none;
    return device < local_.size() ? local_[device] : none;
}

const Origins& Residency::origins(std::uint16_t device) const {
    static const Origins none;
    return device < origins_.size() ? origins_[device] : none;
}

bool Residency::fetched_ahead() const {
    return std::ranges::any_of(origins_, [](const Origins& origins) {
        return origins.by(Origin::prefetch).total() != 0 ||
               origins.by(Origin::amplified).total() != 0;
    });
}

std::uint64_t Residency::local_of(erofs::NodeId node) const {
    return node < of_node_.size() ? of_node_[node] : 0;
}

std::uint64_t Residency::stored_of(erofs::NodeId node) const {
    return image_ && node < image_->stored.size() ? image_->stored[node] : 0;
}

std::uint64_t Residency::total_local() const {
    std::uint64_t total = 0;
    for (const RangeSet& set : local_)
        total += set.total();
    return total;
}

std::uint64_t Residency::total_stored() const {
    std::uint64_t total = 0;
    for (std::size_t device = 0; image_ && device < image_->device_count(); ++device)
        total += image_->device_size(static_cast<std::uint16_t>(device));
    return total;
}

} // namespace coldscope::app
