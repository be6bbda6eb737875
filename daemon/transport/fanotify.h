// fanotify pre-content events (since Linux 6.14) under a file-backed EROFS mount: the kernel asks
// before it reads from a cache file, which is sparse until then. What is missing is written into
// the file, then the reader may go on and reads it there. It fails open, which the guard mends.
#pragma once

#include "daemon/engine/engine.h"
#include "daemon/ring/ring.h"
#include "daemon/transport/fanotify_event.h"
#include "daemon/transport/transport.h"

#include <array>
#include <cerrno>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

namespace coldscope {

// What the kernel takes as the reason of a denial; a reader through EROFS sees EIO for each.
inline constexpr std::array fanotify_errors{EIO, EPERM, EBUSY, ETXTBSY, EAGAIN, ENOSPC, EDQUOT};

// Denies what waits in the group's queue, for at most so long; whether there was anything. Before a
// transport listens.
[[nodiscard]] bool deny_waiting(int group, int timeout_ms);

class FanotifyTransport final : public Transport, private Asker {
public:
    // group: not owned. The engine's stores keep first; their cache files are marked in the group.
    // on_whole: called once for a store all of which has become local.
    FanotifyTransport(Ring& ring, Engine& engine, int group, std::function<void(StoreId)> on_whole);

    [[nodiscard]] std::string_view name() const override { return "fanotify"; }
    void start() override;
    void stop() override;

private:
    struct Pending {
        int fd = -1;
        std::uint32_t thread = 0;
        StoreId store = 0;
        Range range;
    };
    // A denied readahead is asked for again, page by page, by the same thread: one failure.
    struct Denied {
        StoreId store = 0;
        Range range;
        int error = 0;
        Nanoseconds time = 0;
        int again = 0; // how often it was denied since
    };

    bool answer(std::uint64_t token, std::span<const std::byte> bytes) override;
    bool fail(std::uint64_t token, int error) override;
    void receive();
    void take(const FanotifyEvent& event);
    [[nodiscard]] bool deny_again(const Pending& pending);
    [[nodiscard]] Pending take_pending(std::uint64_t token);
    void look_if_whole(StoreId store);

    Ring& ring_;
    Engine& engine_;
    int group_;
    std::function<void(StoreId)> on_whole_;
    std::map<std::pair<dev_t, ino_t>, StoreId> stores_;
    std::vector<bool> whole_; // by store: on_whole was called
    std::vector<bool> ours_;  // by store: it is accessed by an event's descriptor
    std::vector<Pending> pending_;
    std::vector<std::size_t> free_;
    std::unordered_map<std::uint32_t, std::vector<Denied>> denied_; // by thread
    std::vector<std::byte> buffer_;
    std::vector<FanotifyEvent> events_;
    bool listening_ = false;
    Ring::WatchId watch_ = 0;
};

} // namespace coldscope
