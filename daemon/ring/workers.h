// Threads for work that would keep the ring thread too long: decoding, digests. Belongs to the ring
// thread; the threads start with the first work.
#pragma once

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
    using Work = std::move_only_function<void()>;

    // ring: must outlive it.
    explicit Workers(Ring& ring) : ring_(ring) {}
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    // Waits for what a thread is at; what none has begun is dropped, and no done is called any
    // more.
    ~Workers();

    // work: on a thread, or at once where there can be none; it must end by itself. done: on the
    // ring thread afterwards, never from within run(). In no order.
    void run(Work work, Work done);

private:
    struct Item {
        Work work;
        Work done;
    };
    [[nodiscard]] bool has_threads();
    void take();
    void finish(Item item);

    static constexpr unsigned most_threads = 2;

    Ring& ring_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); // the ring asks it before a done
    std::vector<std::thread> threads_;
    std::mutex mutex_; // of what follows
    std::condition_variable more_;
    std::deque<Item> waiting_;
    bool stopping_ = false;
};

} // namespace coldscope
