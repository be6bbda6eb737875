// The way the kernel asks. A transport turns the kernel's questions into asks of the engine and
// gives its answers back. Belongs to the ring thread once started.
#pragma once

#include "core/base/error.h"

#include <string_view>

namespace coldscope {

class Transport {
public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    [[nodiscard]] virtual std::string_view name() const = 0;
    // Begins to listen: before, the kernel's questions wait.
    virtual void start() = 0;
    // Listens no more. What is open must have been answered before.
    virtual void stop() = 0;
};

} // namespace coldscope
