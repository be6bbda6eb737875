#include "daemon/ring/workers.h"

#include <cstdint>
#include <system_error>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace coldscope {

Workers::~Workers() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    more_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
    if (finished_fd_ >= 0) {
        ring_.unwatch(watch_);
        ::close(finished_fd_);
    }
}

bool Workers::start() {
    if (finished_fd_ < 0) {
        finished_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (finished_fd_ < 0)
            return false;
        watch_ = ring_.watch(finished_fd_, POLLIN, [this](int) { finish(); });
    }
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
    if (!start()) {
        work();
        done();
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({std::move(work), std::move(done)});
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
        lock.lock();
        finished_.push_back(std::move(item));
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(finished_fd_, &one, sizeof one);
    }
}

void Workers::finish() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(finished_fd_, &count, sizeof count);
    std::vector<Item> items;
    {
        const std::lock_guard lock(mutex_);
        items.swap(finished_);
    }
    for (Item& item : items)
        item.done();
}

} // namespace coldscope
