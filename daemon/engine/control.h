// What a hand can do to a run, from its listener to the ring thread.
#pragma once

#include "core/base/clock.h"
#include "core/request/step.h"
#include "core/rules/rule.h"

#include <cstdint>
#include <variant>

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

} // namespace coldscope::control

namespace coldscope {

using Control = std::variant<control::ReleaseAll, control::AddRule, control::RemoveRule,
                             control::ClearRules, control::Release, control::Delay, control::Fail>;

} // namespace coldscope
