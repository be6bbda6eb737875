#include "app/run/work_pool.h"

#include <QCoreApplication>
#include <algorithm>

namespace coldscope::app {

namespace {
// A run starts and ends while an image is read and checked, and others are compared.
constexpr int least_threads = 4;
} // namespace

QThreadPool& work_pool() {
    static QThreadPool pool;
    static const bool set_up = [] {
        pool.setMaxThreadCount(std::max(least_threads, pool.maxThreadCount()));
        qAddPostRoutine([] { pool.waitForDone(); });
        return true;
    }();
    static_cast<void>(set_up);
    return pool;
}

} // namespace coldscope::app
