// Messages between the guard and its client, over a SOCK_SEQPACKET socket pair: a fixed header,
// then NUL-terminated strings. Both are built from the same tree, so integers are native.
#pragma once

#include "core/base/error.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope::guard {

inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t largest_message = 64 * 1024; // bytes

enum class Type : std::uint32_t {
    beat = 1,    // from the ring thread: it is alive
    mount = 2,   // source, target, options → reply
    unmount = 3, // target, device; number: 1 for lazily → reply
    keep = 4,    // path, device; number: a Kind. To be taken away when the client dies, in order
    forget = 5,  // path
    reply = 6,   // number: 0 or an errno; what was being done
};

// A device is what mount_on() said of the mount that is meant: another one on the same path is
// somebody else's, and is left alone. Empty while it is not known: then whatever stands there is
// meant.
enum class Kind : std::uint32_t {
    erofs = 1,  // a mount of the kernel's
    fuse = 2,   // a FUSE mount, by mount(2) or by fusermount3
    folder = 3, // an empty folder that the client made
};

struct Message {
    Type type = Type::beat;
    std::uint32_t number = 0;
    std::vector<std::string> texts;
    std::uint32_t sequence = 0; // of a question, and of the reply to it
};

// What a message may not be: too long, of another version, of an unknown type, with a string that
// is not closed or a count of strings that its type doesn't have.
[[nodiscard]] Result<Message> decode(std::span<const std::byte> bytes);
[[nodiscard]] std::vector<std::byte> encode(const Message& message);

// Whole messages; interrupted calls are repeated. Code::cancelled at the other side's end.
[[nodiscard]] Result<void> send(int socket, const Message& message, bool wait = true);
[[nodiscard]] Result<Message> receive(int socket);

} // namespace coldscope::guard
