#include "daemon/transport/offer.h"

#include <algorithm>

#include <unistd.h>

namespace coldscope {

// The descriptors of fanotify and cachefiles are as good as root's rights, and memory that is
// shared is others', too.
guard::Rights rights_for(TransportKind kind, bool shares) {
    switch (kind) {
    case TransportKind::fuse_tree:
    case TransportKind::simulated:
        return guard::Rights::own;
    case TransportKind::fuse_blob:
        return shares ? guard::Rights::root_trusted : guard::Rights::root;
    default:
        return guard::Rights::root_trusted;
    }
}

std::vector<Offer> offers_of(const std::vector<Probe>& alone,
                             const std::vector<Probe>& with_guard) {
    std::vector<Offer> offers;
    for (const Probe& probe : alone) {
        const auto guarded = std::ranges::find(with_guard, probe.kind, &Probe::kind);
        // What would be missing even so says more.
        const Probe& told = probe.works || guarded == with_guard.end() ? probe : *guarded;
        offers.push_back({probe.kind, told.works,
                          probe.works || !told.works ? guard::Rights::own : rights_for(probe.kind),
                          told.reason});
    }
    return offers;
}

std::vector<Offer> offers() {
    return offers_of(probe_transports(), probe_transports(geteuid() != 0));
}

const Offer* best_alone(const std::vector<Offer>& offers) {
    const auto at = std::ranges::find_if(offers, [](const Offer& offer) {
        return offer.works_alone() && offer.kind != TransportKind::cachefiles;
    });
    return at == offers.end() ? nullptr : &*at;
}

} // namespace coldscope
