// Keeps what an image is read by waiting, so that a test sees the window meanwhile.
#pragma once

#include "app/run/work_pool.h"

#include <QSemaphore>
#include <QtConcurrentRun>

namespace coldscope::test {

// One thread is left to the pool. Threads take up work in the order in which it came.
class PoolGate {
public:
    PoolGate() : threads_(pool().maxThreadCount()) { pool().setMaxThreadCount(1); }
    ~PoolGate() {
        open();
        pool().setMaxThreadCount(threads_);
    }
    // What comes from now on waits; what came before is done first.
    void close() {
        closed_ = true;
        work_ = QtConcurrent::run(&pool(), [this] { opened_.acquire(); });
    }
    void open() {
        if (!closed_)
            return;
        closed_ = false;
        opened_.release();
        work_.waitForFinished();
    }

private:
    static QThreadPool& pool() { return app::work_pool(); }
    int threads_;
    bool closed_ = false;
    QSemaphore opened_;
    QFuture<void> work_;
};

} // namespace coldscope::test
