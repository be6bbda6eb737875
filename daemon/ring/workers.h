// Threads for work that would keep the ring thread too long. Belongs to the ring thread; the
// threads start with the first work.
#pragma once

#include "daemon/ring/ring.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace coldscope {

class Workers {
public:
    using Work = std::move_only_function<void()>;

    explicit Workers(Ring& ring) : ring_(ring) {}
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    // Waits for what a thread is at; what none has begun is dropped.
    ~Workers();

    // work: on a thread, and it must end by itself. done: on the ring thread afterwards.
    // Without threads to be had, both at once.
    void run(Work work, Work done);

private:
    struct Item {
        Work work;
        Work done;
    };
    [[nodiscard]] bool start();
    void take();
    void finish();

    static constexpr unsigned most_threads = 2;

    Ring& ring_;
    int finished_fd_ = -1; // owned; an eventfd
    Ring::WatchId watch_ = 0;
    std::vector<std::thread> threads_;
    std::mutex mutex_; // of what follows
    std::condition_variable more_;
    std::deque<Item> waiting_;
    std::vector<Item> finished_;
    bool stopping_ = false;
};

} // namespace coldscope
