// What painting the timeline costs: a million requests in 40 lanes at 2560x1440, without a display.
// At several zooms, over windows all along the recording: what is visible, the lanes painted anew,
// the canvas painted anew, and a pan by one device pixel. Prints only; exit code 77 in an
// unoptimised build. Ends with the figures of the slowest zoom.
#include "app/run/workspace.h"
#include "app/timeline/overview_strip.h"
#include "app/timeline/timeline_canvas.h"
#include "app/timeline/timeline_view.h"
#include "tests/bench/made_records.h"
#include "tests/bench/optimised.h"

#include <QApplication>
#include <QPainter>
#include <algorithm>
#include <random>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace coldscope;
using namespace coldscope::app;

constexpr int width = 2560;
constexpr int height = 1440;
constexpr double target_paint = 16; // ms
constexpr double target_pan = 4;

double milliseconds_since(Nanoseconds begin) {
    return static_cast<double>(monotonic_now() - begin) / static_cast<double>(millisecond);
}

struct Times {
    std::vector<double> all; // ms
    [[nodiscard]] double at(std::size_t percent) {
        std::sort(all.begin(), all.end());
        return all.empty() ? 0 : all[(all.size() * percent + 99) / 100 - 1];
    }
};

} // namespace

int main(int argc, char** argv) {
    if (!bench::is_optimised())
        return bench::skipped;
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    const QApplication application(argc, argv);
    Workspace workspace;
    EventStore& store = workspace.host().store();
    for (const StepRecord& record : bench::make_records())
        store.take(record);
    TimelineView view(workspace);
    view.resize(width, height);
    view.show();
    QCoreApplication::processEvents();
    TimelineCanvas& canvas = view.canvas();
    QImage target(canvas.viewport()->size(), QImage::Format_RGB32);
    const auto paint = [&] { canvas.viewport()->render(&target, {}, {}, {}); };
    const Nanoseconds first = store.earliest();
    const Nanoseconds length = store.latest() - first + 1;
    const auto& lanes = canvas.model().lanes();
    fmt::print("{} requests in {} lanes, {}x{}\n", store.size(), lanes.size(), width, height);

    std::mt19937_64 random(2);
    std::vector<VisibleSpan> spans;
    double worst_visible = 0;
    double worst_paint = 0;
    double worst_pan = 0;
    for (const auto mode : {TimelineCanvas::Mode::time, TimelineCanvas::Mode::offset}) {
        canvas.set_mode(mode);
        fmt::print("{}\n", mode == TimelineCanvas::Mode::time ? "lanes" : "offsets of one object");
        for (const unsigned zoom : {0U, 2U, 4U, 7U, 10U, 16U}) {
            Times visible;
            Times full;
            Times pan;
            const Nanoseconds part = length >> zoom;
            for (int round = 0; round < 60; ++round) {
                const Nanoseconds from = first + random() % (length - part + 1);
                if (zoom == 0) { // there is but one such window
                    canvas.show_span(from, from + part / 2);
                    paint();
                }
                canvas.show_span(from, from + part);
                Nanoseconds begin = monotonic_now();
                spans.clear();
                for (Lanes::LaneId lane = 0; lane < lanes.size(); ++lane) {
                    find_visible(lanes.lane(lane), store, canvas.scale().axis(), canvas.now(),
                                 spans);
                    find_marks(lanes.lane(lane), store, canvas.scale().axis(), canvas.now(), spans);
                }
                visible.all.push_back(milliseconds_since(begin));
                begin = monotonic_now();
                paint(); // another window: nothing of the picture that is kept fits
                full.all.push_back(milliseconds_since(begin));
            }
            for (int round = 0; round < 300 && zoom > 0; ++round) {
                if (round % 300 == 0)
                    canvas.show_span(first + length / 2, first + length / 2 + part);
                const Nanoseconds begin = monotonic_now();
                canvas.pan(1);
                paint();
                pan.all.push_back(milliseconds_since(begin));
            }
            fmt::print("1/{:<6} visible p95 {:.2f} ms; paint p50 {:.2f} p95 {:.2f} ms; pan p50 "
                       "{:.2f} p95 {:.2f} max {:.2f} ms\n",
                       1U << zoom, visible.at(95), full.at(50), full.at(95), pan.at(50), pan.at(95),
                       pan.at(100));
            worst_visible = std::max(worst_visible, visible.at(95));
            worst_paint = std::max(worst_paint, full.at(95));
            worst_pan = std::max(worst_pan, pan.at(95));
        }
    }
    Times strip;
    QImage strip_target(view.overview().size(), QImage::Format_RGB32);
    for (int round = 0; round < 40; ++round) {
        canvas.pan(round % 2 == 0 ? 1 : -1);
        const Nanoseconds begin = monotonic_now();
        view.overview().render(&strip_target);
        strip.all.push_back(milliseconds_since(begin));
    }
    fmt::print("overview p95 {:.2f} ms\n", strip.at(95));
    if (worst_paint > target_paint || worst_pan > target_pan)
        fmt::print("target of {} ms for painting or {} ms for a pan missed\n", target_paint,
                   target_pan);
    fmt::print("visible p95 {:.2f} ms, paint p95 {:.2f} ms, pan p95 {:.2f} ms\n", worst_visible,
               worst_paint, worst_pan);
    return 0;
}
