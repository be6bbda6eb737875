// What the timeline costs: a million requests in 40 lanes on 2560 columns. Records into the store,
// lanes made anew, and what is visible in all lanes (spans and marks) at all zooms, over windows
// all along the recording.
//
// The target for what is visible is 1 ms at p95 at every zoom; a line says when one misses it. Exit
// code 1 when one takes half a frame (8 ms); 77 in an unoptimised build. Ends with
// "visible p95 X ms" of the slowest zoom.
#include "core/request/lanes.h"
#include "core/request/overview.h"
#include "core/request/visible.h"
#include "tests/bench/made_records.h"
#include "tests/bench/optimised.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace coldscope;
using namespace coldscope::bench;

constexpr std::uint32_t width = 2560;
constexpr double target_visible = 1.0; // ms
constexpr double half_frame = 8.0;     // ms

double milliseconds_since(Nanoseconds begin) {
    return static_cast<double>(monotonic_now() - begin) / static_cast<double>(millisecond);
}

std::uint64_t by_object(const EventStore&, const RequestRow& row) {
    return row.object;
}
std::uint64_t by_reader(const EventStore& store, const RequestRow& row) {
    return store.reader(row).pid;
}

struct Times {
    std::vector<double> all; // ms
    [[nodiscard]] double at(std::size_t percent) {
        std::sort(all.begin(), all.end());
        return all[(all.size() * percent + 99) / 100 - 1];
    }
};

} // namespace

int main() {
    if (!is_optimised())
        return skipped;
    const std::vector<StepRecord> records = make_records();

    EventStore store;
    Lanes lanes(by_object);
    Overview overview;
    Nanoseconds begin = monotonic_now();
    for (const StepRecord& record : records)
        store.take(record);
    const double store_time = milliseconds_since(begin);
    const double rate = static_cast<double>(records.size()) / store_time * 1000;
    const double share = 500'000 / rate;
    fmt::print("store: {} records in {:.0f} ms: {:.1f} M a second; 500,000 a second take {:.1f} % "
               "of a core\n",
               records.size(), store_time, rate / 1e6, share * 100);

    // The same as a window does it: 60 times a second what came, into lanes and overview too.
    {
        EventStore live;
        begin = monotonic_now();
        for (std::size_t i = 0; i < records.size(); ++i) {
            live.take(records[i]);
            if (i % 8192 == 0) {
                lanes.update(live);
                overview.update(live);
            }
        }
        const double live_time = milliseconds_since(begin);
        fmt::print("store, lanes and overview, in batches of 8192: {:.1f} M a second\n",
                   static_cast<double>(records.size()) / live_time / 1000);
    }

    overview = {};
    overview.update(store);
    Times regroup;
    for (int round = 0; round < 5; ++round) {
        begin = monotonic_now();
        lanes.group_by(round % 2 == 0 ? by_reader : by_object, store);
        regroup.all.push_back(milliseconds_since(begin));
    }
    fmt::print("regroup: {:.0f} ms (median of 5), {} lanes\n", regroup.at(50), lanes.size());

    std::mt19937_64 random(2);
    std::vector<VisibleSpan> spans;
    std::vector<VisibleSpan> marks;
    std::vector<OverviewCell> cells;
    const Nanoseconds first = store.earliest();
    const Nanoseconds length = store.latest() - first + 1;
    double worst = 0;
    for (unsigned zoom = 0; zoom <= 16; ++zoom) {
        Times times;
        const Nanoseconds part = length >> zoom;
        for (int round = 0; round < 200; ++round) {
            const Nanoseconds from = first + random() % (length - part + 1);
            spans.clear();
            marks.clear();
            begin = monotonic_now();
            const TimeAxis axis(from, from + part, width);
            for (Lanes::LaneId lane = 0; lane < lanes.size(); ++lane) {
                find_visible(lanes.lane(lane), store, axis, store.latest(), spans);
                find_marks(lanes.lane(lane), store, axis, store.latest(), marks);
            }
            times.all.push_back(milliseconds_since(begin));
        }
        fmt::print("1/{:<6} of the recording: p50 {:.3f} p95 {:.3f} ms; {} spans, {} marks\n",
                   1U << zoom, times.at(50), times.at(95), spans.size(), marks.size());
        worst = std::max(worst, times.at(95));
    }
    Times strip;
    for (int round = 0; round < 50; ++round) {
        begin = monotonic_now();
        overview.query(store, TimeAxis(first, first + length, width), cells);
        strip.all.push_back(milliseconds_since(begin));
    }
    fmt::print("overview p95 {:.3f} ms\n", strip.at(95));
    if (worst > target_visible)
        fmt::print("target of {} ms missed at the slowest zoom\n", target_visible);
    fmt::print("visible p95 {:.2f} ms\n", worst);
    return worst < half_frame ? 0 : 1;
}
