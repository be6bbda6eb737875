#include "daemon/ring/workers.h"

#include <csignal>
#include <system_error>
#include <utility>

namespace coldscope {

Workers::~Workers() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    more_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
    *alive_ = false;
}

bool Workers::has_threads() {
    if (threads_.size() == most_threads)
        return true;
    // Signals are the main thread's.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        threads_.emplace_back([this] { take(); });
    } catch (const std::system_error&) { // what there is has to do
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return !threads_.empty();
}

void Workers::run(Work work, Work done) {
    Item item{std::move(work), std::move(done)};
    if (!has_threads()) {
        item.work();
        finish(std::move(item));
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(item));
    }
    more_.notify_one();
}

void Workers::take() {
    std::unique_lock lock(mutex_);
    while (true) {
        more_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_)
            return;
        Item item = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        item.work();
        finish(std::move(item));
        lock.lock();
    }
}

// What the work owns goes on the ring thread, too.
void Workers::finish(Item item) {
    ring_.post([alive = alive_, item = std::move(item)]() mutable {
        if (*alive)
            item.done();
    });
}

} // namespace coldscope
