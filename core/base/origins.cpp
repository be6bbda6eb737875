#include "core/base/origins.h"

namespace coldscope {

void Origins::brought(Range range, Origin origin) {
    for (std::size_t i = 0; i < by_.size(); ++i) {
        if (i == static_cast<std::size_t>(origin))
            by_[i].add(range);
        else
            by_[i].remove(range);
    }
    for (const Range& part : asked_.missing(range))
        unused_.add(part);
}

void Origins::asked(Range range) {
    if (asked_.contains(range))
        return;
    asked_.add(range);
    unused_.remove(range);
}

} // namespace coldscope
