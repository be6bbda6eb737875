#include "daemon/source/workers.h"

#include <algorithm>
#include <csignal>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace coldscope {

Result<std::shared_ptr<Workers>> Workers::start(Ring& ring, unsigned count) {
    Fd ready(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!ready)
        return system_error("cannot make an eventfd");
    std::shared_ptr<Workers> workers(new Workers(ring, std::move(ready)));
    workers->watch_ = ring.watch(workers->ready_.get(), POLLIN,
                                 [self = workers.get()](int) { self->take_done(); });
    // Signals are the main thread's.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < std::max(count, 1U); ++i)
        workers->threads_.emplace_back([self = workers.get()] { self->work(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return workers;
}

Workers::~Workers() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
    ring_.unwatch(watch_);
}

void Workers::post(Job work, Job done) {
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({std::move(work), std::move(done)});
    }
    wake_.notify_one();
}

void Workers::work() {
    for (;;) {
        Task task;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
            if (ending_)
                return;
            task = std::move(waiting_.front());
            waiting_.pop_front();
        }
        task.work();
        {
            const std::lock_guard lock(mutex_);
            done_.push_back(std::move(task.done));
        }
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(ready_.get(), &one, sizeof one);
    }
}

void Workers::take_done() {
    std::uint64_t count = 0;
    while (::read(ready_.get(), &count, sizeof count) > 0) {
    }
    std::vector<Job> done;
    {
        const std::lock_guard lock(mutex_);
        done.swap(done_);
    }
    for (Job& job : done)
        job();
}

} // namespace coldscope
