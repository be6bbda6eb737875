// What a hand can do to a run, from its listener to the ring thread.
#pragma once

#include "core/base/clock.h"
#include "core/request/step.h"
#include "core/rules/rule.h"

#include <cstdint>
#include <variant>
#include <vector>

namespace coldscope::control {

struct AddRule {
    Rule rule; // its id is given by the sender
};
struct RemoveRule {
    std::uint32_t id = 0;
};
struct ClearRules {};
// Ends every hold rule as well: what arrives later goes on, too.
struct ReleaseAll {};
struct Release {
    RequestId id = 0;
};
struct Delay {
    RequestId id = 0;
    Nanoseconds delay = 0;
};
struct Fail {
    RequestId id = 0;
    int error = 0; // errno
    bool partial = false;
};
// Fills ranges of objects while no reader waits, after what was given before. A place may be in any
// order, local, or beyond its object's end.
struct Prefetch {
    std::vector<Place> places; // by store
    std::uint64_t rate = 0;    // bytes a second; 0: no limit
};
struct StopPrefetch {};
// Each later miss fetches all of the blocks of this size that it touches.
struct Amplify {
    std::uint64_t size = 0; // bytes, a power of two; 0: off
};

} // namespace coldscope::control

namespace coldscope {

using Control = std::variant<control::ReleaseAll, control::AddRule, control::RemoveRule,
                             control::ClearRules, control::Release, control::Delay, control::Fail,
                             control::Prefetch, control::StopPrefetch, control::Amplify>;

} // namespace coldscope
