// Threads for work that would hold up the ring thread: decoding, digests.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"
#include "daemon/ring/ring.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace coldscope {

class Workers {
public:
    using Job = std::move_only_function<void()>;

    // ring: must outlive it. count: of threads, at least 1.
    [[nodiscard]] static Result<std::shared_ptr<Workers>> start(Ring& ring, unsigned count);
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    // Waits for work that was begun; of the rest, and of done, only the destructors run.
    ~Workers();

    // Ring thread: work runs on a thread of these, then done on the ring thread. In no order.
    void post(Job work, Job done);

private:
    struct Task {
        Job work;
        Job done;
    };

    Workers(Ring& ring, Fd ready) : ring_(ring), ready_(std::move(ready)) {}
    void work();
    void take_done();

    Ring& ring_;
    Fd ready_; // an eventfd: readable when there is something in done_
    Ring::WatchId watch_ = 0;
    std::mutex mutex_; // over the next three; held for moves only
    std::deque<Task> waiting_;
    std::vector<Job> done_;
    bool ending_ = false;
    std::condition_variable wake_;
    std::vector<std::thread> threads_;
};

} // namespace coldscope
