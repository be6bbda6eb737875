// What can be chosen on this machine: what works for this user at once, and what would with a guard
// that an administrator lets run as root.
#pragma once

#include "daemon/guard/client.h"
#include "daemon/transport/probe.h"

#include <string>
#include <vector>

namespace coldscope {

// With which the guard serves an ordinary user's run. shares: the mount's page cache, with others.
[[nodiscard]] guard::Rights rights_for(TransportKind kind, bool shares = false);

struct Offer {
    TransportKind kind = TransportKind::fuse_tree;
    bool works = false; // at once, or with those rights
    // own: nobody is asked. Of a run that shares page cache, as rights_for() says.
    guard::Rights rights = guard::Rights::own;
    std::string reason; // a sentence: what it does here, or why it can't and what would help

    [[nodiscard]] bool asks() const { return rights != guard::Rights::own; } // then it works
    [[nodiscard]] bool works_alone() const { return works && !asks(); }
};

// Best first. alone, with_guard: of probe_transports(), without and with a root guard.
[[nodiscard]] std::vector<Offer> offers_of(const std::vector<Probe>& alone,
                                           const std::vector<Probe>& with_guard);
// For this user. Looks, and changes nothing.
[[nodiscard]] std::vector<Offer> offers();

// The first that works and asks nobody, but for cachefiles, which no image's run uses. Null: none.
[[nodiscard]] const Offer* best_alone(const std::vector<Offer>& offers);

} // namespace coldscope
