// Which transports work on this machine for this user, and for each other one the reason.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope {

enum class TransportKind : unsigned char { fuse_blob, fuse_tree, fanotify, cachefiles, simulated };

[[nodiscard]] std::string_view name(TransportKind kind);
[[nodiscard]] std::optional<TransportKind> transport_by_name(std::string_view name);

// What the transport can pass on to the kernel as the reason of a failure: an errno up to 511, but
// for fanotify, whose kernel takes seven.
[[nodiscard]] bool takes_error(TransportKind kind, int error);

struct Probe {
    TransportKind kind = TransportKind::fuse_blob;
    bool works = false;
    std::string reason; // a sentence: what it does here, or why it can't and what would help
};

// Best first. Looks, and changes nothing.
// root_guard: a guard with root's rights is there, so that this process needs none.
[[nodiscard]] std::vector<Probe> probe_transports(bool root_guard = false);
[[nodiscard]] std::string kernel_release();

} // namespace coldscope
