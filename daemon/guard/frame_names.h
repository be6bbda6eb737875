// What a user who may not see page frame numbers is told instead: Linux shows them to
// CAP_SYS_ADMIN alone, since who knows where memory lies can aim at what lies beside it.
#pragma once

#include "core/base/error.h"

#include <array>
#include <cstdint>

namespace coldscope::guard {

// A secret permutation: equal frames have equal names, different ones different names, and 0 stays
// 0. A Feistel network of four rounds, each a SipHash with a key of its own.
class FrameNames {
public:
    // With random keys.
    [[nodiscard]] static Result<FrameNames> make();
    [[nodiscard]] std::uint64_t operator()(std::uint64_t frame) const;

private:
    using Key = std::array<std::uint64_t, 2>;
    FrameNames() = default;
    [[nodiscard]] std::uint64_t permuted(std::uint64_t number) const;

    std::array<Key, 4> keys_{};
};

} // namespace coldscope::guard
