// Messages between the guard and its client, over a SOCK_SEQPACKET socket: a fixed header, then
// NUL-terminated strings; a descriptor may go with one. Both are built from the same tree, so
// integers are native.
#pragma once

#include "core/base/error.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope::guard {

inline constexpr std::uint32_t version = 3;
inline constexpr std::size_t largest_message = 64 * 1024; // bytes
inline constexpr auto socket_name = "guard.socket";       // in the cache folder, for who takes over
inline constexpr auto program_name = "coldscope-guard";   // as the kernel names its thread
inline constexpr auto observer_name = "coldscope-look";   // and that of its child that observes
inline constexpr std::size_t most_texts = 260;            // an image has at most 255 blobs here

enum class Type : std::uint32_t {
    beat = 1,    // from the ring thread: it is alive
    mount = 2,   // target, options, source, devices... → reply: the kernel's names for it, as
                 // erofs_alive() has them, each with a line's end
    unmount = 3, // target, device; number: 1 for lazily → reply
    keep = 4,    // path, device; number: a Kind. To be taken away when the client dies, in order
    forget = 5,  // path
    reply = 6,   // number: 0 or an errno; what was being done, or what was asked for
    hello = 7, // number: 1 to take over a dead client's run → reply: what mount replied, then the
               // mount's path
    group = 8, // → reply with the fanotify group's descriptor
    adopt = 9, // what mount replied; with the group's descriptor, from a client whose guard was
               // another → reply
    mark = 10, // path; with a descriptor of it that was opened before → reply
    object = 11, // path of a marked file → reply with the descriptor that mark brought
    unmark = 12, // path: all of it is local
    who = 13,    // number: a thread that waits in a mount of this guard → reply
    bye = 14,    // the run has ended → reply: EBUSY while somebody still has its files open
    trace = 15,  // a tracepoint's name; number: a processor → reply with the perf event, and the
                 // format file; see open_trace()
    lookout = 17, // with one end of a SOCK_SEQPACKET pair: a child answers there, see lookout.h
                  // → reply
    fuse = 20,   // target, source's name, note: mounts FUSE there → reply
    connection =
        21, // → reply with that mount's descriptor: INIT in hexadecimal, a line's end, note
    adopt_connection = 22, // what connection replied; with the descriptor, from a client whose
                           // guard was another → reply
    bind_cachefiles = 30,  // tag, limits of culling with a line's end each → reply with the
                           // device's descriptor, bound to the first folder, and "bound", or
                           // "standing" if it was before
    adopt_cachefiles = 31, // with the device's descriptor, from a client whose guard was another
                           // → reply
    observe = 40, // with a sealed memfd: a list, see observed_list.h → reply with the pipe from
                  // which what is seen comes, see observing.h
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

} // namespace coldscope::guard
