// What a user who may not see page frame numbers is told instead: Linux shows them to
// CAP_SYS_ADMIN alone, since who knows where memory lies can aim at what lies beside it.
#pragma once

#include "core/base/error.h"
#include "core/base/sha256.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace coldscope::guard {

// Equal frames have equal names, and 0 stays 0: 64 bits of a digest with a secret that is forgotten
// with this. Of a million frames some two have one name with a chance of one in 30 million.
class FrameNames {
public:
    [[nodiscard]] static Result<FrameNames> make();
    [[nodiscard]] std::uint64_t operator()(std::uint64_t frame);

private:
    FrameNames() = default;

    Sha256 digester_;
    std::array<std::byte, 32> secret_{};
};

} // namespace coldscope::guard
