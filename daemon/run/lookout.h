// Which requests were asked through another mount: page cache that mounts share is filled through
// the one that looked the file up last, so that a read in one of them may come as a request for
// another one's blob. A child of the guard looks where each reader waits; what it saw is told when
// the request was open all the while. Ring thread.
#pragma once

#include "core/base/fd.h"
#include "daemon/engine/engine.h"
#include "daemon/guard/lookout.h"

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>

namespace coldscope {

class Lookout final : public Watcher {
public:
    using Sizes = std::set<std::uint64_t>; // bytes
    // Which of these sizes a file of the run's own image with bytes in this range has, as one that
    // shares its memory has.
    using Fitting = std::function<Sizes(ObjectId object, Range range, const Sizes& sizes)>;

    // unseen: counts the requests of which it was not seen where they were asked, most of them
    // because they were answered before. socket: of guard::Client::lookout(). own_mount: the folder
    // of the run's own mount.
    Lookout(Ring& ring, EventQueue& events, Fd socket, std::string own_mount, Fitting fitting,
            std::atomic<std::uint64_t>& unseen);
    ~Lookout() override;

    void arrived(RequestId request, const Ask& ask) override;
    void ending(RequestId request) override;

private:
    struct Looked {
        ObjectId object = 0;
        Range range;
        Nanoseconds ended = 0; // 0: it is open
    };
    void hear();
    void take(const guard::LookoutAnswer& answer);

    Ring& ring_;
    EventQueue& events_;
    Fd socket_; // none: the child has gone
    std::string own_mount_;
    Fitting fitting_;
    std::atomic<std::uint64_t>& unseen_;
    Ring::WatchId watch_ = 0;
    std::unordered_map<RequestId, Looked> looked_for_;
    std::vector<std::byte> buffer_;
};

} // namespace coldscope
