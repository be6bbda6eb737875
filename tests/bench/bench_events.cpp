// A flood of events as the window takes it in: a thread pushes half a million records a second (100
// thousand requests of five steps) through a real event queue; the main thread drains them as the
// run host does, into the store, the lanes, the overview and the shown table of requests.
//
// Prints how many records were lost (the target is none), and how long the longest turn of the main
// thread was, and what fills the other turns (the target is 33 ms). BENCH_SECONDS and BENCH_FILTER
// (a filter of the table) and BENCH_SORT (a column) change what is measured. Ends with "lost N,
// longest frame X ms"; 77 in an unoptimised build.
#include "app/run/drain.h"
#include "app/run/workspace.h"
#include "app/tables/request_table.h"
#include "core/request/lanes.h"
#include "core/request/overview.h"
#include "daemon/engine/event_queue.h"
#include "tests/bench/optimised.h"

#include <QApplication>
#include <QHeaderView>
#include <QTableView>
#include <QTimer>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace coldscope;

constexpr std::uint64_t rate = 500'000; // records a second
constexpr unsigned steps = 5;           // of a request
constexpr unsigned in_flight = 64;      // requests that are open at once

double milliseconds(Nanoseconds time) {
    return static_cast<double>(time) / static_cast<double>(millisecond);
}

// Requests in 8 objects by 16 processes, interleaved, at an even rate; one in 100 fails.
class Producer {
public:
    Producer(EventQueue& queue, Nanoseconds length) : queue_(queue), length_(length) {}

    void run() {
        const Nanoseconds begin = monotonic_now();
        while (!stop_) {
            const Nanoseconds now = monotonic_now();
            if (now - begin >= length_)
                break;
            // Each a millisecond's worth, as a ring's turn gives them.
            for (const std::uint64_t due = (now - begin) * rate / second; pushed_ < due;)
                push_next(now);
            queue_.flush();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        done_ = true;
    }
    void stop() { stop_ = true; }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] std::uint64_t pushed() const { return pushed_; }

private:
    void push_next(Nanoseconds now) {
        static constexpr std::array order{Step::arrived, Step::matched, Step::fetching,
                                          Step::filling, Step::answered};
        static_assert(order.size() == steps);
        // A wave of requests takes its steps together: each is open for as long as the others.
        const std::uint64_t wave = pushed_ / (in_flight * steps);
        const std::uint64_t at = pushed_ % (in_flight * steps);
        StepRecord record;
        record.request = wave * in_flight + at % in_flight + 1;
        record.step = order[at / in_flight];
        record.time = now;
        record.object = record.request % 8;
        record.pid = 1000 + static_cast<std::uint32_t>(record.request % 16);
        record.command = {'r', 'e', 'a', 'd', 'e', 'r'};
        record.offset = (record.request * 2654435761U) % (1U << 20) * 4096;
        record.length = 4096 * (1 + record.request % 32);
        if (record.step == Step::answered && record.request % 100 == 0)
            record.result = EIO;
        queue_.push(record);
        ++pushed_;
    }

    EventQueue& queue_;
    Nanoseconds length_;
    std::uint64_t pushed_ = 0;
    std::atomic<bool> stop_{false};
    std::atomic<bool> done_{false};
};

struct Part {
    const char* name;
    std::vector<Nanoseconds> times;
    void print() {
        std::sort(times.begin(), times.end());
        if (!times.empty())
            fmt::print("{:<20} p50 {:6.2f}  p95 {:6.2f}  longest {:6.2f} ms\n", name,
                       milliseconds(times[times.size() / 2]),
                       milliseconds(times[times.size() * 95 / 100]), milliseconds(times.back()));
    }
};

std::uint64_t by_object(const EventStore&, const RequestRow& row) {
    return row.object;
}

} // namespace

int main(int argc, char** argv) {
    if (!bench::is_optimised())
        return bench::skipped;
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    const QApplication application(argc, argv);
    bool given = false;
    const int asked = qEnvironmentVariableIntValue("BENCH_SECONDS", &given);
    const Nanoseconds length = static_cast<Nanoseconds>(given ? asked : 5) * second;

    app::Workspace workspace;
    app::RunHost& host = workspace.host();
    app::RequestTable table(workspace);
    table.resize(1600, 900);
    table.show();
    if (qEnvironmentVariableIsSet("BENCH_FILTER"))
        table.set_filter(qEnvironmentVariable("BENCH_FILTER"));
    if (const int column = qEnvironmentVariableIntValue("BENCH_SORT", &given); given)
        table.findChild<QTableView*>()->sortByColumn(column, Qt::DescendingOrder);
    Lanes lanes(by_object);
    Overview overview;

    EventQueue queue; // as large as a run's
    Producer producer(queue, length);
    Part draining{"drain into store", {}};
    Part drawing{"lanes and overview", {}};
    Part showing{"table's model", {}};
    Part frames{"frame, with paint", {}};
    const auto timed = [](Part& part, auto&& work) {
        const Nanoseconds begin = monotonic_now();
        work();
        part.times.push_back(monotonic_now() - begin);
    };

    QTimer frame;
    frame.setTimerType(Qt::PreciseTimer);
    QObject::connect(&frame, &QTimer::timeout, [&] {
        const Nanoseconds begin = monotonic_now();
        bool came = false;
        timed(draining, [&] {
            came = app::drain(queue, app::drain_budget,
                              [&](const StepRecord& record) { host.store().take(record); });
        });
        timed(drawing, [&] {
            lanes.update(host.store());
            overview.update(host.store());
        });
        timed(showing, [&] {
            if (came)
                Q_EMIT host.advanced();
            Q_EMIT host.ticked();
        });
        // What the frame made to be painted is painted in it.
        QCoreApplication::sendPostedEvents();
        table.repaint();
        frames.times.push_back(monotonic_now() - begin);
        const bool all = table.model().looked_at() == host.store().size();
        if (producer.done() && !came && all)
            QCoreApplication::quit();
    });
    frame.start(app::frame_ms);
    std::thread thread([&] { producer.run(); });
    QCoreApplication::exec();
    producer.stop();
    thread.join();

    fmt::print("{} records in {} s: {} requests, {} lines in the table\n", producer.pushed(),
               length / second, host.store().size(), table.model().rowCount());
    for (Part* part : {&draining, &drawing, &showing, &frames})
        part->print();
    fmt::print("lost {}, longest frame {:.1f} ms\n", queue.lost(),
               milliseconds(frames.times.empty() ? 0 : frames.times.back()));
    return 0;
}
