// The guard's side of cachefiles: the device's descriptor. While one is open the kernel keeps what
// was asked and not answered, for a client that takes over; with the last one all of it fails.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <string>

namespace coldscope::guard {

inline constexpr auto cachefiles_path = "/dev/cachefiles";

class Cachefiles {
public:
    // Opens the device and binds it to a folder in on-demand mode. limits: lines of a name (brun,
    // bcull, bstop, frun, fcull, fstop) and a percentage; the kernel's own where one is missing.
    // Needs CAP_SYS_ADMIN. Code::busy with EBUSY while somebody else has it.
    [[nodiscard]] Result<void> bind(int folder, const std::string& tag, const std::string& limits);
    // A client's, which it had from a guard that died. Code::busy while one is open.
    [[nodiscard]] Result<void> adopt(Fd device);
    [[nodiscard]] bool is_open() const { return static_cast<bool>(device_); }
    [[nodiscard]] int fd() const { return device_.get(); }
    // For forked children, too: whoever mounts and holds it would wait for itself.
    void close() { device_.reset(); }

private:
    Fd device_;
};

} // namespace coldscope::guard
